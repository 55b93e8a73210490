"""Taking scans out of what was indexed, with their files and rows set right in the ledger."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from medical_transformer.cohorts.indexed import Indexed
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
    subjects = {scan.subject for scan in kept}
    changes: dict[tuple[str, str], Drop] = {}
    gone: dict[str, str] = {}
    for scan in indexed.cohort.scans:
        if scan.name in dropped:
            changes |= {("file", item): dropped[scan.name] for item in _items(scan)}
            changes["scan", scan.name] = dropped[scan.name]
            if scan.subject not in subjects:
                gone[scan.subject] = scan.name
    entries = tuple(_corrected(entry, changes, gone) for entry in indexed.ledger.entries)
    return replace(indexed, cohort=replace(indexed.cohort, scans=kept), ledger=Ledger(entries))


def _items(scan: Scan) -> set[str]:
    paths = [*scan.images.values(), *([scan.segmentation] if scan.segmentation else [])]
    return {file.as_posix() for path in paths for file in Address.parse(path).files}


def _corrected(entry: Entry, changes: Mapping[tuple[str, str], Drop], gone: Mapping[str, str]) -> Entry:
    change = changes.get((entry.kind, entry.item))
    if change is not None:
        return replace(entry, verdict=change.verdict, reason=change.reason)
    if entry.kind == "row" and entry.verdict is Verdict.USED and entry.subject in gone:
        return replace(entry, verdict=Verdict.SKIPPED, reason=f"Its scan {gone[entry.subject]} was left out.")
    return entry
