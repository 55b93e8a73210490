"""Taking scans out of what was indexed, with their files and rows set right in the ledger."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from medical_transformer.cohorts.indexed import Indexed, listing
from medical_transformer.cohorts.ledger import Entry, Ledger, Verdict
from medical_transformer.cohorts.scan import Scan
from medical_transformer.volumes import Address


@dataclass(frozen=True, slots=True)
class Drop:
    """Why a scan is left out: `skipped` where nothing is wrong with it, else `refused`; and a sentence."""

    verdict: Verdict
    reason: str


def without(indexed: Indexed, dropped: Mapping[str, Drop]) -> Indexed:
    """Return what was indexed without some scans.

    Args:
        indexed: what was indexed.
        dropped: name of a scan to why it goes.
    """
    if not dropped:
        return indexed
    kept = tuple(scan for scan in indexed.cohort.scans if scan.name not in dropped)
    names = {scan.name for scan in kept}
    changes: dict[tuple[str, str], Drop] = {}
    for scan in indexed.cohort.scans:
        if scan.name in dropped:
            changes |= {("file", item): dropped[scan.name] for item in _items(scan)}
            changes["scan", scan.name] = dropped[scan.name]
    entries = tuple(_corrected(entry, changes, names) for entry in indexed.ledger.entries)
    return replace(indexed, cohort=replace(indexed.cohort, scans=kept), ledger=Ledger(entries))


def _items(scan: Scan) -> set[str]:
    paths = [*scan.images.values(), *([scan.segmentation] if scan.segmentation else [])]
    return {file.as_posix() for path in paths for file in Address.parse(path).files}


def _corrected(entry: Entry, changes: Mapping[tuple[str, str], Drop], kept: Collection[str]) -> Entry:
    change = changes.get((entry.kind, entry.item))
    if change is not None:
        return replace(entry, verdict=change.verdict, reason=change.reason)
    if entry.verdict is Verdict.USED and entry.scans and entry.scans.isdisjoint(kept):
        return replace(entry, verdict=Verdict.SKIPPED, reason=_why_idle(sorted(entry.scans)))
    return entry


def _why_idle(scans: Sequence[str]) -> str:
    return f"Its scan {scans[0]} was left out." if len(scans) == 1 else f"Its scans {listing(scans)} were left out."
