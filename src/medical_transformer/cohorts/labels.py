"""Labels from the cells of a table: ages, sexes, and what to make of rows that contradict each other."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

Label = float | str

# What a living person can have; outside, the cell is a slip of the pen (IXI has 1850 cm and 960 kg).
PLAUSIBLE = {
    "age_years": (0.0, 120.0),
    "height_cm": (50.0, 230.0),
    "weight_kg": (3.0, 300.0),
    "education_years": (0.0, 40.0),
    "mmse": (0.0, 30.0),
    "cdr": (0.0, 3.0),
    "etiv_cubicmm": (500_000.0, 3_000_000.0),
}
SEXES = {"m": "male", "male": "male", "man": "male", "f": "female", "female": "female", "woman": "female"}


@dataclass(frozen=True, slots=True)
class Merged:
    """What several rows about one person say together.

    Attributes:
        labels: what no row contradicts.
        conflicts: labels that the rows disagree on; they are left out of `labels`.
    """

    labels: Mapping[str, Label]
    conflicts: tuple[str, ...]


def plausible(label: str, number: float | None) -> float | None:
    """Return the number if a person can have it under this label, else None."""
    low, high = PLAUSIBLE.get(label, (float("-inf"), float("inf")))
    return number if number is not None and low <= number <= high else None


def as_sex(text: str | None, codes: Mapping[str, str] | None = None) -> str | None:
    """Return `female` or `male`, by the data set's codes where it has them; None where it is neither."""
    if text is None:
        return None
    return (codes or {}).get(text.removesuffix(".0")) or SEXES.get(text.casefold())


def present(labels: Mapping[str, Label | None]) -> dict[str, Label]:
    """Return the labels that have a value; a missing label is absent."""
    return {name: value for name, value in labels.items() if value is not None}


def merge(said: Sequence[Mapping[str, Label]]) -> Merged:
    """Merge what several rows say about one person, leaving out what they contradict each other on."""
    values: dict[str, list[Label]] = {}
    for labels in said:
        for name, value in labels.items():
            values.setdefault(name, []).append(value)
    conflicts = tuple(name for name, several in values.items() if len(set(several)) > 1)
    return Merged({name: several[0] for name, several in values.items() if name not in conflicts}, conflicts)


def label_name(column: str) -> str:
    """Return a column's name as a label: lower case words joined by underscores."""
    return re.sub(r"[^a-z0-9]+", "_", column.casefold()).strip("_") or "unnamed"
