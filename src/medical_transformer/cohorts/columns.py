"""Which columns of an unfamiliar table say what: ages, sexes, and everything else under its own name."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from medical_transformer.cohorts.indexed import counted, listing
from medical_transformer.cohorts.labels import PLAUSIBLE, SEXES, Label, as_sex, label_name, plausible
from medical_transformer.cohorts.raw_table import RawTable, TableRow, as_number
from medical_transformer.cohorts.scan import FIXED_COLUMNS

AGE_NAMES = frozenset({"age", "age_years", "age_at_scan", "age_at_mri", "age_at_mprage", "age_in_years", "scan_age"})
SEX_NAMES = frozenset({"sex", "gender", "sex_text", "gender_text", "gender_code", "sex_code", "m_f", "ptgender"})
# Columns that tell the session and the site of a row, in tables of any origin.
SESSION_COLUMNS = ("session_id", "session")
SITE_COLUMNS = ("site", "site_id", "scan_site", "scanner_site", "center", "centre")
# `030Y` of DICOM, `30 years` of people.
AGE_IN_WORDS = re.compile(r"^(\d+(?:[.,]\d+)?) *(?:y|yrs?|years?)(?: old)?$", re.IGNORECASE)

# Of a column that is meant as numbers, at most one cell in so many is a word.
MOST_NUMBERS = 3


@dataclass(frozen=True, slots=True)
class LabelColumns:
    """What the columns of a table are called as labels.

    Attributes:
        labels: column to label.
        numeric: columns in which every present cell is a number.
        sex_codes: what the data set's codes for the sexes mean, such as `1` to `male`.
    """

    labels: Mapping[str, str]
    numeric: frozenset[str]
    sex_codes: Mapping[str, str]

    def read(self, row: TableRow) -> dict[str, Label]:
        """Return the labels of a row; implausible ages and unknown sexes are left out, and told by `rejected`."""
        said = ((self.labels[column], self._value(column, row)) for column in self.labels if column in row.cells)
        return {label: value for label, value in said if value is not None}

    def rejected(self, row: TableRow) -> dict[str, str]:
        """Return column to why its cell in this row is no label: `not between 0 and 120`."""
        return {
            column: self._why_not(column, row)
            for column in self.labels
            if column in row.cells and self._value(column, row) is None
        }

    def left_out(self, row: TableRow) -> tuple[str, ...]:
        """Return the ledger's words on each cell of a row that is no label."""
        return tuple(
            f"{self.labels[column]} {row.cells[column]!r} was left out: {why}"
            for column, why in self.rejected(row).items()
        )

    def _why_not(self, column: str, row: TableRow) -> str:
        if self.labels[column] == "sex":
            return "neither female nor male"
        low, high = PLAUSIBLE["age_years"]
        return "no number of years" if as_age(row.cells[column]) is None else f"not between {low:g} and {high:g}"

    def _value(self, column: str, row: TableRow) -> Label | None:
        label, cell = self.labels[column], row.cells[column]
        if label == "sex":
            return as_sex(cell, self.sex_codes)
        if label == "age_years":
            return plausible(label, as_age(cell))
        return as_number(cell) if column in self.numeric else cell


def label_columns(
    table: RawTable, taken: Collection[str | None], sex_codes: Mapping[str, str] | None = None
) -> LabelColumns:
    """Find out what the columns of a table are called as labels.

    Args:
        table: the table.
        taken: columns that say who, when or where, and are no labels.
        sex_codes: what the data set's codes for the sexes mean, where it says so.
    """
    codes = sex_codes or {}
    labels: dict[str, str] = {}
    for column in table.columns:
        if column not in taken:
            wanted = _wanted(table, column, codes)
            labels[column] = _free(wanted, column, labels.values())
    return LabelColumns(labels, _numeric(table, labels), codes)


def as_age(text: str) -> float | None:
    """Return an age in years, given as a number or as `030Y` or `30 years`; None where it is neither."""
    worded = AGE_IN_WORDS.match(text)
    return as_number(worded[1] if worded else text)


def notes_on_columns(table: RawTable, columns: LabelColumns) -> tuple[str, ...]:
    """Return a sentence for each column with cells that are no labels, or that keep it from being numbers."""
    cells: dict[tuple[str, str], list[str]] = {}
    for row in table.rows:
        for column, why in columns.rejected(row).items():
            cells.setdefault((column, why), []).append(row.cells[column])
    lost = [
        f"{table.path.name}, {column}: {counted(some, 'cell')} left out ({_examples(some)}), {why}."
        for (column, why), some in cells.items()
    ]
    return (*lost, *(note for column in columns.labels if (note := _note_on_words(table, column, columns))))


def _note_on_words(table: RawTable, column: str, columns: LabelColumns) -> str:
    """Say which few cells make a text of a column that is otherwise numbers."""
    if column in columns.numeric or columns.labels[column] in ("age_years", "sex"):
        return ""
    cells = [row.cells[column] for row in table.rows if column in row.cells]
    words = [cell for cell in cells if as_number(cell) is None]
    if len(cells) < MOST_NUMBERS * len(words):
        return ""
    verb = "is no number" if len(words) == 1 else "are no numbers"
    return (
        f"{table.path.name}, {column}: read as text and not as numbers, because {len(words)} of "
        f"{counted(cells, 'cell')} {verb} ({_examples(words)}); mend or empty what is a slip."
    )


def _examples(cells: Collection[str]) -> str:
    return listing(map(repr, cells), 3)


def codes_of_levels(levels: Mapping[str, object]) -> dict[str, str]:
    """Return what codes for the sexes mean, from the levels of a BIDS description (`{"1": "Male"}`)."""
    words = {code: str(meaning).casefold().split() for code, meaning in levels.items()}
    return {code: SEXES[said[0]] for code, said in words.items() if said and said[0] in SEXES}


def _wanted(table: RawTable, column: str, codes: Mapping[str, str]) -> str:
    name = label_name(column)
    if name in AGE_NAMES:
        return "age_years"
    if name in SEX_NAMES:
        cells = {row.cells[column] for row in table.rows if column in row.cells}
        return "sex" if not cells or any(as_sex(cell, codes) for cell in cells) else "sex_code"
    return name


def _free(wanted: str, column: str, used: Collection[str]) -> str:
    """Return the wanted name, or one of its own where it is used or the cohort's table needs it."""
    if wanted not in used and wanted not in FIXED_COLUMNS:
        return wanted
    name, number = f"{label_name(column)}_column", 2
    while name in used:
        name, number = f"{label_name(column)}_column_{number}", number + 1
    return name


def _numeric(table: RawTable, columns: Collection[str]) -> frozenset[str]:
    worded = {
        column
        for row in table.rows
        for column, cell in row.cells.items()
        if column in columns and as_number(cell) is None
    }
    return frozenset(set(columns) - worded)
