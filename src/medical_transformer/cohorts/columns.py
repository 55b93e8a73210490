"""Which columns of an unfamiliar table say what: ages, sexes, and everything else under its own name."""

import re
from collections.abc import Collection, Mapping

from medical_transformer.cohorts.label_cells import LabelColumn, LabelColumns, number_column, sex_column, text_column
from medical_transformer.cohorts.labels import SEXES, as_sex, label_name
from medical_transformer.cohorts.raw_table import RawTable, as_number
from medical_transformer.cohorts.scan import FIXED_COLUMNS

AGE_NAMES = frozenset({"age", "age_years", "age_at_scan", "age_at_mri", "age_at_mprage", "age_in_years", "scan_age"})
SEX_NAMES = frozenset({"sex", "gender", "sex_text", "gender_text", "gender_code", "sex_code", "m_f", "ptgender"})
# Columns that tell the session and the site of a row, in tables of any origin.
SESSION_COLUMNS = ("session_id", "session")
SITE_COLUMNS = ("site", "site_id", "scan_site", "scanner_site", "center", "centre")
# `030Y` of DICOM, `30 years` of people.
AGE_IN_WORDS = re.compile(r"^(\d+(?:[.,]\d+)?) *(?:y|yrs?|years?)(?: old)?$", re.IGNORECASE)


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
    numeric = _numeric(table, labels)
    return LabelColumns(tuple(_column(name, label, name in numeric, codes) for name, label in labels.items()))


def as_age(text: str) -> float | None:
    """Return an age in years, given as a number or as `030Y` or `30 years`; None where it is neither."""
    worded = AGE_IN_WORDS.match(text)
    return as_number(worded[1] if worded else text)


def _column(name: str, label: str, numeric: bool, codes: Mapping[str, str]) -> LabelColumn:
    if label == "sex":
        return sex_column(name, codes)
    if label == "age_years":
        return number_column(name, label, as_age, called="number of years")
    return LabelColumn(name, label, as_number, lambda _: "no number") if numeric else text_column(name, label)


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
