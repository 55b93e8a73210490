"""Indexing: from a folder as it was downloaded to a cohort, and an account of everything met on the way."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from medical_transformer.cohorts.hashing import hash_scan, same_content
from medical_transformer.cohorts.indexed import Indexed
from medical_transformer.cohorts.ledger import Entry, Ledger, Verdict
from medical_transformer.cohorts.readers import READERS, Reader
from medical_transformer.cohorts.scan import Scan
from medical_transformer.errors import CohortError

Dropped = Mapping[str, tuple[Verdict, str]]


def index(source: Path, out: Path | None = None, *, table: Path | None = None, layout: str = "auto") -> Indexed:
    """Find the scans of a folder and what its table says about them.

    Args:
        source: the folder as it was downloaded.
        out: where `cohort.tsv`, `cohort.json` and `ledger.tsv` are written; None writes nothing.
        table: the table of labels, where it does not lie where the data set puts it.
        layout: how the folder lies; `auto` finds out, else the name of a reader.

    Returns:
        The cohort, a ledger that accounts for every file and every table row, and notes for the person.

    Raises:
        CohortError: if the folder is missing, lies in no known way or holds no usable scan.
    """
    if not source.is_dir():
        found = "a file, not a folder" if source.is_file() else "not there"
        raise CohortError(f"{source} is {found}; give the folder that holds the scans.")
    reader = _reader(source, layout)
    indexed = _checked(reader.read(source, table))
    if not indexed.cohort.scans:
        raise CohortError(f"{source} was read as {reader.name}, but no scan is usable: {_first_refusal(indexed)}")
    if out is not None:
        indexed.cohort.save(out)
        indexed.ledger.save(out / "ledger.tsv")
    return replace(indexed, notes=(f"Read as the layout {reader.name!r}.", *indexed.notes))


def _reader(source: Path, layout: str) -> Reader:
    names = ", ".join(reader.name for reader in READERS)
    if layout != "auto":
        chosen = next((reader for reader in READERS if reader.name == layout), None)
        if chosen is None:
            raise CohortError(f"There is no layout {layout!r}; there are: auto, {names}.")
        return chosen
    found = next((reader for reader in READERS if reader.recognises(source)), None)
    if found is None:
        raise CohortError(
            f"{source} holds no NIfTI image in a known layout ({names}); convert DICOM with dcm2niix first."
        )
    return found


def _checked(indexed: Indexed) -> Indexed:
    """Hash every scan; refuse those whose files cannot be read and keep doubled content once."""
    dropped: dict[str, tuple[Verdict, str]] = {}
    hashed: list[Scan] = []
    for scan in indexed.cohort.scans:
        reason = _why_unreadable(scan, indexed.cohort.root)
        if reason:
            dropped[scan.name] = Verdict.REFUSED, reason
        else:
            hashed.append(replace(scan, content_hash=hash_scan(scan, indexed.cohort.root)))
    notes = [f"{name} was refused: {reason}" for name, (_, reason) in dropped.items()]
    for first, *others in same_content(hashed):
        for scan in others:
            dropped[scan.name] = Verdict.SKIPPED, f"Holds the same bytes as {first.name}, which is kept."
            whose = "the same subject" if scan.subject == first.subject else f"another subject, {first.subject}"
            notes.append(f"{scan.name} holds the same bytes as {first.name} of {whose}; it is left out.")
    kept = tuple(scan for scan in hashed if scan.name not in dropped)
    cohort = replace(indexed.cohort, scans=kept)
    ledger = _corrected(indexed, dropped, {scan.subject for scan in kept}) if dropped else indexed.ledger
    return Indexed(cohort, ledger, (*indexed.notes, *notes))


def _why_unreadable(scan: Scan, root: Path) -> str:
    """Return why a file of the scan cannot be read, or an empty text."""
    for path in (*scan.images.values(), *([scan.segmentation] if scan.segmentation else [])):
        try:
            with (root / path).open("rb") as file:
                if not file.read(1):
                    return f"{path.as_posix()} is empty (0 bytes)."
        except FileNotFoundError:
            return f"{path.as_posix()} is a link to a file that is not there; fetch its content first."
        except OSError as error:
            return f"{path.as_posix()} cannot be read ({error.strerror})."
    return ""


def _corrected(indexed: Indexed, dropped: Dropped, subjects: set[str]) -> Ledger:
    """Return the ledger with the entries of dropped scans, their files and their rows set right."""
    changes: dict[tuple[str, str], tuple[Verdict, str]] = {}
    gone: dict[str, str] = {}
    for scan in indexed.cohort.scans:
        if scan.name in dropped:
            items = [*scan.images.values(), *([scan.segmentation] if scan.segmentation else [])]
            changes |= {("file", path.as_posix()): dropped[scan.name] for path in items}
            changes["scan", scan.name] = dropped[scan.name]
            if scan.subject not in subjects:
                gone[scan.subject] = scan.name
    return Ledger(tuple(_correct(entry, changes, gone) for entry in indexed.ledger.entries))


def _correct(entry: Entry, changes: Mapping[tuple[str, str], tuple[Verdict, str]], gone: Mapping[str, str]) -> Entry:
    if (entry.kind, entry.item) in changes:
        verdict, reason = changes[entry.kind, entry.item]
        return replace(entry, verdict=verdict, reason=reason)
    if entry.kind == "row" and entry.verdict is Verdict.USED and entry.subject in gone:
        return replace(entry, verdict=Verdict.SKIPPED, reason=f"Its scan {gone[entry.subject]} was left out.")
    return entry


def _first_refusal(indexed: Indexed) -> str:
    dropped = (entry for entry in indexed.ledger.entries if entry.verdict is Verdict.REFUSED)
    return next((entry.reason for entry in dropped), "the folder holds no image.")
