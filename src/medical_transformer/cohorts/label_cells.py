"""Cells of a table as labels: how each column is read, and which cells are no labels and why."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from medical_transformer.cohorts.indexed import counted, listing
from medical_transformer.cohorts.labels import PLAUSIBLE, Label, as_sex, plausible
from medical_transformer.cohorts.raw_table import RawTable, TableRow, as_number

# Of a column that is meant as numbers, at most one cell in so many is a word.
MOST_NUMBERS = 3


@dataclass(frozen=True, slots=True)
class LabelColumn:
    """How the cells of one column become a label.

    Attributes:
        name: the column.
        label: what it is called as a label.
        read: the label of a cell; None where it is none.
        why_not: why a cell is no label, in words such as `not between 0 and 120`.
        is_text: whether its words are taken as they are.
    """

    name: str
    label: str
    read: Callable[[str], Label | None]
    why_not: Callable[[str], str]
    is_text: bool = False


@dataclass(frozen=True, slots=True)
class LabelColumns:
    """The columns of a table that give labels, in the order of the labels."""

    columns: tuple[LabelColumn, ...]

    def read(self, row: TableRow) -> dict[str, Label]:
        """Return the labels of a row; what is implausible or unknown is left out, and told by `rejected`."""
        said = ((one.label, one.read(row.cells[one.name])) for one in self.columns if one.name in row.cells)
        return {label: value for label, value in said if value is not None}

    def rejected(self, row: TableRow) -> dict[str, str]:
        """Return column to why its cell in this row is no label: `not between 0 and 120`."""
        cells = ((one, row.cells[one.name]) for one in self.columns if one.name in row.cells)
        return {one.name: one.why_not(cell) for one, cell in cells if one.read(cell) is None}

    def left_out(self, row: TableRow) -> tuple[str, ...]:
        """Return the ledger's words on each cell of a row that is no label."""
        labels = {one.name: one.label for one in self.columns}
        return tuple(
            f"{labels[column]} {row.cells[column]!r} was left out: {why}" for column, why in self.rejected(row).items()
        )


def number_column(
    name: str, label: str, read: Callable[[str], float | None] = as_number, *, called: str = "number"
) -> LabelColumn:
    """Return a column of numbers, of which those count that a person can have.

    Args:
        name: the column.
        label: what it is called as a label.
        read: the number in a cell.
        called: what a cell that holds no number does not hold.
    """
    low, high = PLAUSIBLE.get(label, (0.0, 0.0))

    def why_not(cell: str) -> str:
        return f"no {called}" if read(cell) is None else f"not between {low:g} and {high:g}"

    return LabelColumn(name, label, lambda cell: plausible(label, read(cell)), why_not)


def sex_column(name: str, codes: Mapping[str, str] | None = None) -> LabelColumn:
    """Return a column of sexes; `codes` are those of the data set, such as `1` to `male`."""
    return LabelColumn(name, "sex", lambda cell: as_sex(cell, codes), lambda _: "neither female nor male")


def coded_column(name: str, label: str, read: Callable[[str], str | None], codes: str) -> LabelColumn:
    """Return a column whose cells stand for words; `codes` tells a person which are known."""
    return LabelColumn(name, label, read, lambda _: f"none of {codes}")


def text_column(name: str, label: str) -> LabelColumn:
    """Return a column whose cells are labels as they are."""
    return LabelColumn(name, label, str, lambda _: "", is_text=True)


def notes_on_columns(table: RawTable, columns: LabelColumns) -> tuple[str, ...]:
    """Return a sentence for each column with cells that are no labels, or that keep it from being numbers.

    All rows of the table count, whether or not a scan that is used belongs to them, and the sentences say so.
    """
    cells: dict[tuple[str, str], list[str]] = {}
    for row in table.rows:
        for column, why in columns.rejected(row).items():
            cells.setdefault((column, why), []).append(row.cells[column])
    lost = [
        f"{table.path.name}, {column}: {_of_all(table, column, len(some))} left out ({_examples(some)}), {why}."
        for (column, why), some in cells.items()
    ]
    words = (_note_on_words(table, one.name) for one in columns.columns if one.is_text)
    return (*lost, *(note for note in words if note))


def _note_on_words(table: RawTable, name: str) -> str:
    """Say which few cells make a text of a column that is otherwise numbers."""
    cells = [row.cells[name] for row in table.rows if name in row.cells]
    words = [cell for cell in cells if as_number(cell) is None]
    if not words or len(cells) < MOST_NUMBERS * len(words):
        return ""
    verb = "is no number" if len(words) == 1 else "are no numbers"
    return (
        f"{table.path.name}, {name}: read as text and not as numbers, because "
        f"{_of_all(table, name, len(words))} {verb} ({_examples(words)}); mend or empty what is a slip."
    )


def _of_all(table: RawTable, column: str, count: int) -> str:
    """Return `2 of the table's 619 cells`; a cell is one that says something."""
    return f"{count} of the table's {counted([row for row in table.rows if column in row.cells], 'cell')}"


def _examples(cells: list[str]) -> str:
    return listing(map(repr, cells), 3)
