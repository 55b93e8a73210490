"""What the JSON beside a BIDS table says of its columns: the unit of an age, and what numbers stand for."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from medical_transformer.cohorts.columns import AGE_NAMES, SEX_NAMES, codes_of_levels
from medical_transformer.cohorts.labels import label_name
from medical_transformer.cohorts.raw_table import RawTable, TableRow, as_number
from medical_transformer.errors import CohortError

# Units of time as words and in UCUM, which BIDS asks for, in years.
YEARS = {
    **dict.fromkeys(("", "n/a", "y", "yr", "yrs", "year", "years", "a"), 1.0),
    **dict.fromkeys(("mo", "month", "months"), 1 / 12),
    **dict.fromkeys(("w", "wk", "week", "weeks"), 7 / 365.25),
    **dict.fromkeys(("d", "day", "days"), 1 / 365.25),
}


@dataclass(frozen=True, slots=True)
class Described:
    """A table in which ages are years and numbers that stand for words are these words.

    Attributes:
        table: the table.
        path: the description; None where there is none.
        sex_codes: what the codes for the sexes mean, where a description says so.
        notes: sentences on what was done.
    """

    table: RawTable
    path: Path | None
    sex_codes: Mapping[str, str]
    notes: tuple[str, ...]


def describe(table: RawTable, path: Path) -> Described:
    """Apply the description of a table's columns; without one nothing changes.

    Raises:
        CohortError: if the file is no readable JSON.
    """
    columns = _columns(path)
    cells: dict[str, Mapping[str, str | None]] = {}
    notes = []
    for column in table.columns:
        about = columns.get(column, {})
        changed, note = _in_years(table, column, about) if label_name(column) in AGE_NAMES else ({}, "")
        changed = changed or _in_words(table, column, about)
        if changed:
            cells[column] = changed
        notes += [f"{table.path.name}, {column}: {note}"] if note else []
    rows = tuple(_with(row, cells) for row in table.rows) if cells else table.rows
    return Described(replace(table, rows=rows), path if path.is_file() else None, _sex_codes(columns), tuple(notes))


def _columns(path: Path) -> dict[str, dict[str, Any]]:
    if not path.is_file():
        return {}
    try:
        about = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise CohortError(f"{path} is no readable JSON ({error}); repair or remove it.") from error
    described = about.items() if isinstance(about, dict) else ()
    return {column: said for column, said in described if isinstance(said, dict)}


def _in_years(table: RawTable, column: str, about: Mapping[str, Any]) -> tuple[dict[str, str | None], str]:
    """Return each age in years; None where the unit is not known, for a wrong age is worse than none."""
    unit = str(about.get("Units") or "")
    factor = YEARS.get(unit.strip().casefold())
    if factor == 1.0:
        return {}, ""
    ages = _cells(table, column)
    if factor is None:
        return dict.fromkeys(ages), f"the unit {unit!r} is not known, so ages are left out; write years or months."
    numbers = {age: as_number(age) for age in ages}
    years = {age: f"{number * factor:.3f}" for age, number in numbers.items() if number is not None}
    return dict(years), f"given in {unit}, read as years."


def _in_words(table: RawTable, column: str, about: Mapping[str, Any]) -> dict[str, str | None]:
    """Return the word of each number, where every cell is a number that stands for one; words stay as they are."""
    words = {str(code).removesuffix(".0"): _word(said) for code, said in _levels(about).items()}
    codes = {cell: cell.removesuffix(".0") for cell in _cells(table, column)}
    named = all(as_number(code) is not None and words.get(code) for code in codes.values())
    if label_name(column) in SEX_NAMES or not named:
        return {}
    return {cell: words[code] for cell, code in codes.items()}


def _word(said: object) -> str:
    """Return what a level means; newer descriptions have an object there."""
    return str(said.get("Description", "") if isinstance(said, dict) else said).strip()


def _levels(about: Mapping[str, Any]) -> dict[str, Any]:
    levels = about.get("Levels")
    return levels if isinstance(levels, dict) else {}


def _cells(table: RawTable, column: str) -> set[str]:
    return {row.cells[column] for row in table.rows if column in row.cells}


def _with(row: TableRow, cells: Mapping[str, Mapping[str, str | None]]) -> TableRow:
    changed = {column: cells.get(column, {}).get(cell, cell) for column, cell in row.cells.items()}
    return replace(row, cells={column: cell for column, cell in changed.items() if cell is not None})


def _sex_codes(columns: Mapping[str, dict[str, Any]]) -> dict[str, str]:
    codes = (
        codes_of_levels({code: _word(said) for code, said in _levels(about).items()}) for about in columns.values()
    )
    return next((code for code in codes if set(code.values()) == {"female", "male"}), {})
