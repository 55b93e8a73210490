"""A cohort: many scans under one root, kept in a table that a person can read."""

import csv
import json
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from medical_transformer.cohorts.scan import FIXED_COLUMNS, Scan
from medical_transformer.cohorts.tables import write_json, write_table
from medical_transformer.errors import CohortError


@dataclass(frozen=True, slots=True)
class Cohort:
    """Scans with unique names, sorted by name.

    Attributes:
        name: what the data set is called.
        root: the folder that all paths are relative to.
        scans: the scans.

    Raises:
        CohortError: if a name is there twice, or a label is a number for one scan and a text for another.
    """

    name: str
    root: Path
    scans: tuple[Scan, ...]

    def __post_init__(self) -> None:
        names = Counter(scan.name for scan in self.scans)
        doubled = [name for name, count in names.items() if count > 1]
        if doubled:
            raise CohortError(f"Cohort {self.name!r} has names twice, such as {doubled[0]!r} ({len(doubled)} in all).")
        mixed = self._kinds(str) & self._kinds(float, int)
        if mixed:
            raise CohortError(f"Label {min(mixed)!r} of cohort {self.name!r} is a number for some, a text for others.")
        object.__setattr__(self, "scans", tuple(sorted(self.scans, key=lambda scan: scan.name)))

    def __len__(self) -> int:
        return len(self.scans)

    @property
    def subjects(self) -> tuple[str, ...]:
        """Subjects, sorted, each once."""
        return tuple(sorted({scan.subject for scan in self.scans}))

    @property
    def modalities(self) -> tuple[str, ...]:
        """Modalities that every scan has, in the order of the first scan."""
        first = self.scans[0].images if self.scans else {}
        return tuple(word for word in first if all(word in scan.images for scan in self.scans))

    @property
    def label_names(self) -> tuple[str, ...]:
        """Labels that at least one scan has, sorted."""
        return tuple(sorted({label for scan in self.scans for label in scan.labels}))

    def _kinds(self, *kinds: type) -> set[str]:
        return {label for scan in self.scans for label, value in scan.labels.items() if isinstance(value, kinds)}

    def where(self, keep: Callable[[Scan], bool]) -> Self:
        """Return the cohort of the scans that `keep` is true for."""
        return type(self)(self.name, self.root, tuple(scan for scan in self.scans if keep(scan)))

    def with_label(self, label: str) -> Self:
        """Return the cohort of the scans that have a label.

        Raises:
            CohortError: if no scan has it; the message names the labels that exist.
        """
        labelled = self.where(lambda scan: label in scan.labels)
        if not labelled.scans:
            known = ", ".join(self.label_names) or "none"
            raise CohortError(f"No scan of {self.name!r} has a label {label!r}; there are: {known}.")
        return labelled

    def save(self, folder: Path) -> None:
        """Write `cohort.tsv`, a row per image, and `cohort.json`, its name and root."""
        labels = self.label_names
        rows = (row for scan in self.scans for row in _rows(scan, labels))
        write_table(folder / "cohort.tsv", (*FIXED_COLUMNS, *labels), rows)
        about = {
            "name": self.name,
            "root": self._root_seen_from(folder),
            "scans": len(self),
            "text_labels": sorted(self._kinds(str)),
        }
        write_json(folder / "cohort.json", about)

    def _root_seen_from(self, folder: Path) -> str:
        root, place = self.root.resolve(), folder.resolve()
        return (root.relative_to(place) if root.is_relative_to(place) else root).as_posix()

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote.

        Raises:
            CohortError: if the folder holds no cohort or the table is damaged.
        """
        table, description = folder / "cohort.tsv", folder / "cohort.json"
        if not table.is_file() or not description.is_file():
            raise CohortError(f"{folder} holds no cohort (cohort.tsv and cohort.json); make one with `medtrans index`.")
        about = _about(description)
        with table.open(newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file, delimiter="\t")
            missing = set(FIXED_COLUMNS) - set(reader.fieldnames or ())
            if missing:
                raise CohortError(f"{table} lacks the columns {', '.join(sorted(missing))}.")
            scans = tuple(_scans(reader, frozenset(about.get("text_labels", ()))))
        return cls(about["name"], folder / about["root"], scans)


def _about(path: Path) -> dict[str, Any]:
    try:
        about: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        _ = about["name"], about["root"]
    except (ValueError, KeyError, TypeError) as error:
        raise CohortError(f"{path} does not describe a cohort ({error}); index the data again.") from error
    return about


def _rows(scan: Scan, labels: Iterable[str]) -> Iterable[list[str]]:
    for modality, path in scan.images.items():
        yield [
            scan.name,
            scan.subject,
            scan.session or "",
            scan.site or "",
            modality,
            path.as_posix(),
            scan.segmentation.as_posix() if scan.segmentation else "",
            scan.source,
            scan.content_hash,
            *(_as_text(scan.labels.get(label, "")) for label in labels),
        ]


def _scans(rows: Iterable[dict[str, str]], text_labels: frozenset[str]) -> Iterable[Scan]:
    grouped: dict[str, list[dict[str, str]]] = {}
    for row in rows:
        grouped.setdefault(row["scan"], []).append(row)
    for name, images in grouped.items():
        first = images[0]
        labels = {column: text for column, text in first.items() if column not in FIXED_COLUMNS and text}
        yield Scan(
            subject=first["subject"],
            name=name,
            images={row["modality"]: Path(row["path"]) for row in images},
            session=first["session"] or None,
            site=first["site"] or None,
            segmentation=Path(first["segmentation"]) if first["segmentation"] else None,
            labels={label: text if label in text_labels else _as_value(text) for label, text in labels.items()},
            source=first["source"],
            content_hash=first["content_hash"],
        )


def _as_text(value: float | str) -> str:
    return value if isinstance(value, str) else repr(float(value))


def _as_value(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text
