"""The ledger: what became of every file and every table row, and why."""

import csv
import re
from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Literal

from medical_transformer.cohorts.tables import write_table

MODALITIES = frozenset({"T1", "T1w", "T1ce", "T2", "T2w"})

# How the reason of a scan begins that is used, but lacks labels.
KEPT_WITHOUT = "Kept without"

Kind = Literal["file", "row", "scan"]


class Verdict(StrEnum):
    """What became of an item.

    At indexing it was used, skipped or refused; at preparation it was prepared, warned or refused.
    """

    USED = "used"
    SKIPPED = "skipped"
    REFUSED = "refused"
    PREPARED = "prepared"
    WARNED = "warned"


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of truth.

    Attributes:
        item: the file (relative to the source), the table row or the scan.
        kind: which of the three it is.
        verdict: what became of it.
        subject: whom it belongs to, empty where that is unknown.
        reason: one sentence that tells why.
        scans: names of the scans that a row belongs to; known while indexing, and not written.
    """

    item: str
    kind: Kind
    verdict: Verdict
    subject: str
    reason: str
    scans: frozenset[str] = field(default=frozenset(), compare=False)


@dataclass(frozen=True, slots=True)
class Group:
    """Entries to which the same happened for the same reason.

    Attributes:
        kind: what they are.
        verdict: what became of them.
        reason: their reason; where it names something else for each, `…` stands for it.
        count: how many they are.
        examples: the first of them.
    """

    kind: Kind
    verdict: Verdict
    reason: str
    count: int
    examples: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Ledger:
    """All entries, in the order in which they were met."""

    entries: tuple[Entry, ...]

    def counts(self, kind: Kind) -> Counter[Verdict]:
        """Count the verdicts over one kind of item."""
        return Counter(entry.verdict for entry in self.entries if entry.kind == kind)

    def of(self, verdict: Verdict) -> tuple[Entry, ...]:
        """Return the entries with one verdict."""
        return tuple(entry for entry in self.entries if entry.verdict is verdict)

    def needing_a_look(self) -> "Ledger":
        """Return what a person should know: what was refused, and scans that were kept without all their labels.

        A scan that was refused speaks for its files.
        """
        told = {entry.reason for entry in self.of(Verdict.REFUSED) if entry.kind == "scan"}
        return Ledger(tuple(entry for entry in self.entries if _needs_a_look(entry, told)))

    def groups(self, examples: int = 3) -> tuple["Group", ...]:
        """Collapse entries of one kind and verdict whose reasons differ only in names and numbers."""
        found: dict[tuple[Kind, Verdict, str], list[Entry]] = {}
        for entry in self.entries:
            found.setdefault((entry.kind, entry.verdict, _shape(entry)), []).append(entry)
        return tuple(
            Group(
                kind,
                verdict,
                several[0].reason if len({entry.reason for entry in several}) == 1 else shape,
                len(several),
                tuple(entry.item for entry in several[:examples]),
            )
            for (kind, verdict, shape), several in found.items()
        )

    def save(self, path: Path) -> None:
        """Write the ledger as a tab-separated table."""
        columns = ("item", "kind", "verdict", "subject", "reason")
        write_table(path, columns, ([getattr(entry, column) for column in columns] for entry in self.entries))

    @classmethod
    def load(cls, path: Path) -> "Ledger":
        """Read what `save` wrote."""
        with path.open(newline="", encoding="utf-8") as file:
            return cls(tuple(_entries(csv.DictReader(file, delimiter="\t"))))


def line_of(item: str, verdict: str, *parts: str) -> str:
    """Return the line of truth that a person sees about an item, `IXI012: refused | truncated or corrupt`.

    Args:
        item: the scan, or the file.
        verdict: what became of it.
        parts: what more there is to say; empty parts are left out. A path to the item before its reason is
            left out, too: the line has named it.
    """
    said = (re.sub(rf"^(.*[/\\])?{re.escape(item)}: ", "", part) for part in parts)
    return " | ".join([f"{item}: {verdict}", *(part for part in said if part)])


def _needs_a_look(entry: Entry, told: Collection[str]) -> bool:
    if entry.kind == "scan":
        return entry.verdict is Verdict.REFUSED or entry.reason.startswith(KEPT_WITHOUT)
    return entry.verdict is Verdict.REFUSED and entry.reason not in told


def _shape(entry: Entry) -> str:
    """Return the reason with `…` for every word that is a name: of a file, of the entry, or one with a digit."""
    names = {entry.item, entry.subject, entry.item.rpartition("/")[2]}
    words = (word if _is_a_word(word.strip(".,;:()'"), names) else "…" for word in entry.reason.split(" "))
    return " ".join(words)


def _is_a_word(word: str, names: set[str]) -> bool:
    return word in MODALITIES or not (word in names or "/" in word or any(letter.isdigit() for letter in word))


def _entries(rows: Iterable[dict[str, str]]) -> Iterable[Entry]:
    for row in rows:
        kind: Kind = "file" if row["kind"] == "file" else "row" if row["kind"] == "row" else "scan"
        yield Entry(row["item"], kind, Verdict(row["verdict"]), row["subject"], row["reason"])
