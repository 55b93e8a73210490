"""Which column of a table names the scans, and in which way."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from medical_transformer.cohorts.files import stem_of
from medical_transformer.cohorts.labels import label_name
from medical_transformer.cohorts.raw_table import RawTable, as_whole
from medical_transformer.errors import CohortError

IDENTIFIERS = re.compile(r"(^|_)(id|subject|patient|participant|scan|image|file|filename|name|case|no|number)(_|$)")


@dataclass(frozen=True, slots=True)
class Match:
    """The column that names the scans.

    Attributes:
        column: its name.
        way: in words, what of a scan its cells hold.
        rows: row number of the table to scan name.
    """

    column: str
    way: str
    rows: Mapping[int, str]


def match_column(table: RawTable, scans: Mapping[str, Sequence[Path]]) -> Match | None:
    """Return the column and the way that find most scans, or None where no column finds one.

    Args:
        table: the table.
        scans: name of each scan to its image files.
    """
    best: Match | None = None
    for way, keys_of, clean in _WAYS:
        keys = _keys(scans, keys_of)
        for column in table.columns:
            if way == _BY_NUMBER and not IDENTIFIERS.search(label_name(column)):
                continue
            cells = ((row.number, clean(row.cells[column])) for row in table.rows if column in row.cells)
            rows = {number: keys[cell] for number, cell in cells if cell in keys}
            if rows and (best is None or len(set(rows.values())) > len(set(best.rows.values()))):
                best = Match(column, way, rows)
    return best


def require_match(table: RawTable, scans: Mapping[str, Sequence[Path]]) -> Match:
    """Return the column that names the scans.

    Raises:
        CohortError: if there is none; the message shows scans and cells side by side.
    """
    found = match_column(table, scans)
    if found is None:
        raise CohortError(f"{table.path}: {why_no_match(table, scans)}")
    return found


def why_no_match(table: RawTable, scans: Iterable[str]) -> str:
    """Return the sentences about a table of which no column names a scan, with scans and cells side by side."""
    cells = list(table.rows[0].cells.items())[:4] if table.rows else []
    first = ", ".join(f"{column}={cell}" for column, cell in cells) or "nothing"
    parted = "Part its cells by commas, semicolons or tabs, and add" if len(table.columns) == 1 else "Add"
    return (
        f"no column names a scan; the scans are called {', '.join(list(scans)[:3])}, the first row says {first}. "
        f"{parted} a column with the file names."
    )


def _keys(
    scans: Mapping[str, Sequence[Path]], keys_of: Callable[[str, Sequence[Path]], Iterable[str]]
) -> dict[str, str]:
    """Return key to scan, without the keys that several scans would have."""
    keys: dict[str, str | None] = {}
    for name, paths in scans.items():
        for key in set(keys_of(name, paths)):
            keys[key] = None if key in keys else name
    return {key: name for key, name in keys.items() if name is not None}


def _file_name(cell: str) -> str:
    return cell.replace("\\", "/").rpartition("/")[2].casefold()


def _numbers(name: str, _: Sequence[Path]) -> list[str]:
    """Return the one number in a name; a name with several says nothing."""
    numbers = {str(int(number)) for number in re.findall(r"\d+", name)}
    return list(numbers) if len(numbers) == 1 else []


def _number(cell: str) -> str:
    whole = as_whole(cell)
    return cell if whole is None else str(whole)


_BY_NUMBER = "the number in the scan's name"
_Way = tuple[str, Callable[[str, Sequence[Path]], Iterable[str]], Callable[[str], str]]
_WAYS: tuple[_Way, ...] = (
    ("the file name", lambda name, paths: [path.name.casefold() for path in paths], _file_name),
    ("the path", lambda name, paths: [path.as_posix().casefold() for path in paths], str.casefold),
    (
        "the file name without its ending",
        lambda name, paths: [stem_of(path).casefold() for path in paths],
        str.casefold,
    ),
    ("the scan's name", lambda name, paths: [name.casefold()], str.casefold),
    ("the folder", lambda name, paths: [path.parent.name.casefold() for path in paths[:1]], str.casefold),
    ("the scan's name without sub-", lambda name, paths: [name.casefold().removeprefix("sub-")], str.casefold),
    (_BY_NUMBER, _numbers, _number),
)
