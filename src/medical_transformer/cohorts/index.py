"""Indexing: from a folder as it was downloaded to a cohort, and an account of everything met on the way."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from medical_transformer.cohorts.checking import checked
from medical_transformer.cohorts.dicom import is_zip
from medical_transformer.cohorts.files import halves, is_openable, list_files, why_half, why_shut
from medical_transformer.cohorts.indexed import Indexed, counted, listing
from medical_transformer.cohorts.ledger import Entry, Ledger, Verdict
from medical_transformer.cohorts.paper import notes_on_paper
from medical_transformer.cohorts.readers import CONVERTERS, READERS, USUAL, Reader
from medical_transformer.cohorts.selection import LEFT_OUT, Condition, select
from medical_transformer.errors import CohortError, ConfigError
from medical_transformer.volumes.whole_files import check_writable


def index(
    source: Path,
    out: Path | None = None,
    *,
    table: Path | None = None,
    layout: str = "auto",
    where: Sequence[str] | None = None,
) -> Indexed:
    """Find the scans of a folder and what its table says about them.

    Args:
        source: the folder as it was downloaded; of DICOM also a zip.
        out: where `cohort.tsv`, `cohort.json` and `ledger.tsv` are written, and `images/` of what was DICOM; None
            writes nothing.
        table: the table of labels, where it does not lie where the data set puts it.
        layout: how the folder lies; `auto` finds out, else the name of a reader.
        where: conditions such as `age_years>=13` or `diagnosis=CN,MCI` that a scan must meet; None takes what is
            usual for the data set: of ABIDE, nobody known to be younger than 13 years.

    Returns:
        The cohort, a ledger that accounts for every file and every table row, and notes for the person.

    Raises:
        CohortError: if the folder is missing, lies in no known way or holds no usable scan.
        ConfigError: if `out` is the source itself, or cannot be written to.
    """
    if out is not None:
        check_writable(out)
        _check_apart(source, out)
    conditions = [Condition.parse(text) for text in where or ()]
    archive = source.name if is_zip(source) else ""
    source, listed = (source.parent, (Path(archive),)) if archive else (source, list_files(source))
    files = tuple(path for path in listed if is_openable(source / path))
    reader = _reader(source, files, layout)
    converter = next((one for one in CONVERTERS if one is reader), None)
    indexed = converter.read(source, files, table, out, archive) if converter else reader.read(source, files, table)
    indexed = replace(indexed, ledger=_with_closed(indexed.ledger, set(listed).difference(files)))
    if not indexed.planned:
        indexed = checked(indexed, out)
    usual = [Condition.parse(text) for text in USUAL.get(reader.name, ())] if where is None else []
    indexed = select(indexed, usual, unknown_too=True)
    indexed = select(indexed, conditions, unknown_too=False)
    if not indexed.cohort.scans:
        raise CohortError(f"{source} was read as {reader.name}, but no scan is usable. {_first_loss(indexed)}")
    notes = (
        f"Read as the layout {reader.name!r}.",
        *indexed.about(indexed.cohort.scans),
        *indexed.notes,
        *_notes_on_lost(indexed.ledger),
        *notes_on_paper(indexed.cohort),
    )
    if out is not None:
        indexed.cohort.save(out)
        indexed.ledger.save(out / "ledger.tsv")
    return replace(indexed, notes=notes)


def _check_apart(source: Path, out: Path) -> None:
    if out.resolve() == source.resolve():
        raise ConfigError(f"{out} holds the scans as they were downloaded; give the cohort a folder of its own.")


def _reader(source: Path, files: Sequence[Path], layout: str) -> Reader:
    names = ", ".join(reader.name for reader in READERS)
    if not files:
        raise CohortError(f"{source} is empty or holds no regular file; give the folder that holds the scans.")
    if layout != "auto":
        chosen = next((reader for reader in READERS if reader.name == layout), None)
        if chosen is None:
            raise CohortError(f"There is no layout {layout!r}; there are: auto, {names}.")
        return chosen
    found_reader = next((reader for reader in READERS if reader.recognises(source, files)), None)
    if found_reader is None:
        whole = source / files[0] if len(files) == 1 and is_zip(source / files[0]) else source
        half = next((f" {path.as_posix()}: {why_half(other)}" for path, other in halves(files).items()), "")
        shut = next((f" {path.as_posix()}: {why}" for path in files if (why := why_shut(path))), "")
        raise CohortError(
            f"{whole} holds neither a NIfTI image in a known layout ({names}) nor a DICOM series.{half or shut}"
        )
    return found_reader


def _with_closed(ledger: Ledger, closed: Iterable[Path]) -> Ledger:
    """Add the files that are never opened, such as named pipes, sockets and devices."""
    why = "is no regular file (a named pipe, a socket or a device), so it is not opened; take it away."
    names = sorted(path.as_posix() for path in closed)
    return Ledger((*ledger.entries, *(Entry(name, "file", Verdict.REFUSED, "", f"{name} {why}") for name in names)))


def _notes_on_lost(ledger: Ledger) -> list[str]:
    """Say which scans are not used, and why where that is one sentence; those not asked for have a note already."""
    notes = []
    for verdict in (Verdict.REFUSED, Verdict.SKIPPED):
        lost = [one for one in ledger.of(verdict) if one.kind == "scan" and not one.reason.startswith(LEFT_OUT)]
        groups = Ledger(tuple(lost)).groups(0)
        why = groups[0].reason if len(groups) == 1 else "The ledger says why of each."
        if lost:
            names = listing((one.item for one in lost), 6)
            notes.append(f"Not used: {counted(lost, 'scan')} {verdict} ({names}). {why}")
    return notes


def _first_loss(indexed: Indexed) -> str:
    """Return the first refusal, or else the first reason why a scan was not taken."""
    scans = [entry for entry in indexed.ledger.entries if entry.kind == "scan"]
    lost = [*indexed.ledger.of(Verdict.REFUSED), *scans]
    return lost[0].reason if lost else "It holds no image."
