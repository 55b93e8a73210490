"""What indexing a data set gives: its scans, what became of every item, and what a person should know."""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence, Sized
from dataclasses import dataclass, field
from pathlib import Path

from medical_transformer.cohorts.cohort import Cohort
from medical_transformer.cohorts.files import halves, is_image, is_table, why_half, why_unused
from medical_transformer.cohorts.ledger import Entry, Kind, Ledger, Verdict
from medical_transformer.cohorts.raw_table import TableRow
from medical_transformer.cohorts.scan import Scan

# More unrelated files of one kind in one folder than this (the slices of a DICOM series) share one line.
MOST_ALIKE = 20

# What a reader says about scans. It is asked when it is known which of them are used, so that no other is counted.
About = Callable[[Sequence[Scan]], Iterable[str]]


@dataclass(frozen=True, slots=True)
class Indexed:
    """A data set that was read.

    Attributes:
        cohort: the scans, with paths relative to the source.
        ledger: an entry for every file and every table row that was met.
        notes: sentences for the person who asked; while indexing, those that no later step changes.
        planned: whether the images are yet to be made (DICOM that was only looked at).
        about: what the reader says about the scans that are used.
    """

    cohort: Cohort
    ledger: Ledger
    notes: tuple[str, ...] = ()
    planned: bool = False
    about: About = field(default=lambda _: (), compare=False, repr=False)


class LedgerDraft:
    """The ledger while a source is being read; `finish` accounts for whatever was not mentioned."""

    def __init__(self) -> None:
        self._entries: list[Entry] = []
        self._met: set[str] = set()

    def file(self, path: Path | str, verdict: Verdict, reason: str, subject: str = "") -> None:
        """Say what became of a file, named relative to the source."""
        self._add(path.as_posix() if isinstance(path, Path) else path, "file", verdict, subject, reason)

    def row(self, row: TableRow, verdict: Verdict, reason: str, subject: str = "", scans: Iterable[str] = ()) -> None:
        """Say what became of a table row, and which scans it belongs to."""
        self._entries.append(Entry(row.where, "row", verdict, subject, reason, frozenset(scans)))

    def scan(self, name: str, verdict: Verdict, reason: str, subject: str = "") -> None:
        """Say what became of a scan."""
        self._add(name, "scan", verdict, subject, reason)

    def met(self, key: str) -> bool:
        """Tell whether a file or a scan was met that belongs to a subject, or is a scan, of this name."""
        return key in self._met

    def meet(self, key: str) -> None:
        """Say that a file of this subject, scan or session was met."""
        self._met.add(key)

    def finish(self, files: Collection[Path]) -> Ledger:
        """Add the files of the source that nothing was said about, and close the ledger.

        Half of a pair is refused, since an image is lost with it; what is whole was just not asked for.
        """
        said = {entry.item for entry in self._entries if entry.kind == "file"}
        rest = [path for path in dict.fromkeys(files) if path.as_posix() not in said]
        lost = {path: other for path, other in halves(files).items() if path.as_posix() not in said}
        for path, other in lost.items():
            self.file(path, Verdict.REFUSED, why_half(other))
        for item, reason in _summarised(path for path in rest if path not in lost):
            self.file(item, Verdict.SKIPPED, reason)
        return Ledger(tuple(self._entries))

    def _add(self, item: str, kind: Kind, verdict: Verdict, subject: str, reason: str) -> None:
        self._entries.append(Entry(item, kind, verdict, subject, reason))
        self._met.update((item, subject))


def _summarised(files: Iterable[Path]) -> Iterator[tuple[str, str]]:
    """Yield item and reason; many unrelated files of one kind in one folder become one item."""
    alike: dict[tuple[Path, str, str], list[Path]] = {}
    for path in files:
        suffix = path.name if is_image(path) or is_table(path) else path.suffix
        alike.setdefault((path.parent, suffix, why_unused(path)), []).append(path)
    for (folder, suffix, reason), paths in alike.items():
        if len(paths) > MOST_ALIKE:
            yield f"{(folder / f'*{suffix}').as_posix()} ({len(paths)} files)", reason
        else:
            yield from ((path.as_posix(), reason) for path in paths)


def counted(things: Sized, noun: str) -> str:
    """Return `1 scan`, `2 scans` for a sentence."""
    return f"{len(things)} {noun}" if len(things) == 1 else f"{len(things)} {noun}s"


def listing(items: Iterable[str], most: int = 12) -> str:
    """Return `a, b and 3 more` for a sentence; repeated items are named once."""
    named = list(Counter(items))
    shown = ", ".join(named[:most])
    return shown if len(named) <= most else f"{shown} and {len(named) - most} more"
