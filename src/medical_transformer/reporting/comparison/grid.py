"""A table as a value, before it becomes HTML, TSV, JSON or LaTeX."""

from dataclasses import dataclass

MISSING = "–"


@dataclass(frozen=True, slots=True)
class Entry:
    """What stands in one place of a table.

    Attributes:
        text: such as `4.92 ± 0.33`; a dash where there is nothing.
        best: shown in bold.
        remark: a few words that belong to the entry alone, such as `2 of 3 seeds`.
        beside: a second figure, such as the paper's own.
    """

    text: str = MISSING
    best: bool = False
    remark: str = ""
    beside: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a table.

    Attributes:
        name: what stands first.
        entries: one per column.
        group: rows of one group follow each other under its name.
    """

    name: str
    entries: tuple[Entry, ...]
    group: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """A table.

    Attributes:
        name: of its files, such as `table-1`.
        title: such as `Table 1. Methods and tasks`.
        caption: what the numbers are.
        heading: of the first column.
        group_heading: of the groups; empty where there are none.
        columns: headings of the others.
        rows: in their order.
        beside: what the second figures are, such as `paper`; empty where there are none.
        prefix: what the page writes before each second figure; the caption says what it is where there is none.
        notes: sentences under the table.
    """

    name: str
    title: str
    caption: str
    heading: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    group_heading: str = ""
    beside: str = ""
    prefix: str = ""
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        odd = [row.name for row in self.rows if len(row.entries) != len(self.columns)]
        if odd:
            raise ValueError(f"{self.name}: the row {odd[0]!r} has not one entry for each of {self.columns}.")

    @property
    def doubled(self) -> tuple[bool, ...]:
        """Per column, whether any entry has a second figure."""
        return tuple(any(row.entries[k].beside for row in self.rows) for k in range(len(self.columns)))

    @property
    def repeats(self) -> bool:
        """Whether rows of several groups have one name, so that only both tell them apart."""
        return len({row.name for row in self.rows}) < len(self.rows)

    @property
    def groups(self) -> tuple[tuple[str, tuple[Row, ...]], ...]:
        """Rows under the name of their group, in the order in which groups first appear."""
        names = dict.fromkeys(row.group for row in self.rows)
        return tuple((name, tuple(row for row in self.rows if row.group == name)) for name in names)

    def flat(self) -> tuple[list[str], list[list[str]]]:
        """Return headings and rows of text, second figures and remarks in columns of their own."""
        remarked = any(entry.remark for row in self.rows for entry in row.entries)
        headings = [self.group_heading] * bool(self.group_heading) + [self.heading]
        for column, doubled in zip(self.columns, self.doubled, strict=True):
            headings += [column] + [f"{column}, {self.beside}"] * doubled
        rows = [
            [row.group] * bool(self.group_heading) + [row.name, *self._figures(row)]
            for _, group in self.groups
            for row in group
        ]
        if remarked:
            headings.append("Remarks")
            in_order = [row for _, group in self.groups for row in group]
            rows = [[*texts, self._remarks(row)] for texts, row in zip(rows, in_order, strict=True)]
        return headings, rows

    def _figures(self, row: Row) -> list[str]:
        return [
            text
            for entry, doubled in zip(row.entries, self.doubled, strict=True)
            for text in [entry.text] + [entry.beside] * doubled
        ]

    def _remarks(self, row: Row) -> str:
        return "; ".join(
            f"{column}: {entry.remark}" for column, entry in zip(self.columns, row.entries, strict=True) if entry.remark
        )
