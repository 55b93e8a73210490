"""Which of the scans that a reader found can be used: their files are whole, and no other scan is the same."""

import os
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from medical_transformer.cohorts.dropping import Drop, without
from medical_transformer.cohorts.indexed import Indexed, listing
from medical_transformer.cohorts.inspection import Inspected, inspect_scan
from medical_transformer.cohorts.inspections import FileStates, known_already, load_inspections, save_inspections
from medical_transformer.cohorts.ledger import Entry, Ledger, Verdict
from medical_transformer.cohorts.scan import BASELINE, Scan

# Hashing and decompressing let other threads run, and a disk answers several readers better than one.
MOST_READERS = 8
# Scans that a thread takes at a time; passing them on one by one costs more than a tiny image does.
PORTION = 16
# Why one of several scans of the same voxels is kept, the first of these that tells them apart.
REASONS = ("more labels", "a row in a table", "more images", "the earlier session", "the first by name")

Order = tuple[int, bool, int, tuple[object, ...], tuple[int | str, ...]]


def checked(indexed: Indexed, out: Path | None = None) -> Indexed:
    """Read every file once: refuse what is damaged, hash the rest, and keep a scan that is there twice once.

    Args:
        indexed: what a reader found.
        out: the cohort's folder; what was found in files that have not changed since is taken from there.
    """
    inspected = _inspect_all(indexed.cohort.scans, indexed.cohort.root, out)
    broken = {name: Drop(Verdict.REFUSED, one.problem) for name, one in inspected.items() if one.problem}
    hashed = [
        replace(scan, content_hash=inspected[scan.name].content_hash)
        for scan in indexed.cohort.scans
        if scan.name not in broken
    ]
    listed = {name for entry in indexed.ledger.entries if entry.kind == "row" for name in entry.scans}
    order = {scan.name: _preference(scan, listed) for scan in hashed}
    twins = _twins(hashed, inspected, order)
    doubled = {scan.name: _why_doubled(scan, first, order) for scan, first in twins}
    whole = replace(indexed.cohort, scans=(*hashed, *(s for s in indexed.cohort.scans if s.name in broken)))
    kept = without(replace(indexed, cohort=whole), broken | doubled)
    return replace(kept, ledger=_with_twins(kept.ledger, twins))


def _inspect_all(scans: Sequence[Scan], root: Path, out: Path | None) -> dict[str, Inspected]:
    known = load_inspections(out)
    states = [FileStates.of(scan, root) for scan in scans] if out else [None] * len(scans)
    earlier = [known_already(known, state) for state in states]
    new = iter(_read_all([scan for scan, found in zip(scans, earlier, strict=True) if found is None], root))
    results = [next(new) if found is None else found for found in earlier]
    if out is not None:
        save_inspections(out, zip(states, results, strict=True))
    return {scan.name: result for scan, result in zip(scans, results, strict=True)}


def _read_all(scans: Sequence[Scan], root: Path) -> list[Inspected]:
    portions = [scans[begin : begin + PORTION] for begin in range(0, len(scans), PORTION)]
    with ThreadPoolExecutor(min(MOST_READERS, os.cpu_count() or 1)) as pool:
        inspected = pool.map(lambda portion: [inspect_scan(scan, root) for scan in portion], portions)
        return [one for portion in inspected for one in portion]


def _twins(
    scans: Iterable[Scan], inspected: Mapping[str, Inspected], order: Mapping[str, Order]
) -> list[tuple[Scan, Scan]]:
    """Return each scan that holds an image of one that is preferred to it, with that one."""
    owners: dict[str, Scan] = {}
    twins = []
    for scan in sorted(scans, key=lambda one: order[one.name]):
        voxels = inspected[scan.name].voxels
        first = next((owners[one] for one in sorted(voxels) if one in owners), None)
        if first is not None:
            twins.append((scan, first))
        else:
            owners.update(dict.fromkeys(voxels, scan))
    return twins


def _preference(scan: Scan, listed: Collection[str]) -> Order:
    """Order scans of the same voxels by what `REASONS` say; `listed` are those that rows of a table belong to."""
    known, session = len(scan.labels) + (scan.segmentation is not None), (scan.session or "").casefold()
    when = (not session, session not in BASELINE, _by_number(session))
    return -known, scan.name not in listed, -len(scan.images), when, _by_number(scan.name)


def _by_number(text: str) -> tuple[int | str, ...]:
    """Return what sorts `m6` before `m12`."""
    return tuple(int(part) if place % 2 else part for place, part in enumerate(re.split(r"(\d+)", text)))


def _why_kept(first: Order, other: Order) -> str:
    pairs = zip(REASONS, first, other, strict=True)
    return next((reason for reason, its, mine in pairs if its != mine), REASONS[-1])


def _why_doubled(scan: Scan, first: Scan, order: Mapping[str, Order]) -> Drop:
    kept = f"which is kept ({_why_kept(order[first.name], order[scan.name])})"
    if scan.subject == first.subject:
        return Drop(Verdict.SKIPPED, f"Holds the same voxels as {first.name} of the same subject, {kept}.")
    known = set(scan.labels) & set(first.labels)
    differ = sorted(label for label in known if scan.labels[label] != first.labels[label])
    told = f" and another {listing(differ)}" if differ else ""
    return Drop(
        Verdict.REFUSED,
        f"Holds the same voxels as {first.name} of another subject{told}, {kept}; "
        "find out whose head it is and take the wrong one away.",
    )


def _with_twins(ledger: Ledger, twins: Iterable[tuple[Scan, Scan]]) -> Ledger:
    """Say of the scans that were kept which others are the same."""
    others: dict[str, list[str]] = {}
    for scan, first in twins:
        others.setdefault(first.name, []).append(scan.name)
    return Ledger(tuple(_with_others(entry, others) for entry in ledger.entries)) if others else ledger


def _with_others(entry: Entry, others: Mapping[str, list[str]]) -> Entry:
    if entry.kind != "scan" or entry.item not in others:
        return entry
    return replace(entry, reason=f"{entry.reason} The same voxels lie under {listing(others[entry.item])}.")
