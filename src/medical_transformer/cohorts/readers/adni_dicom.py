"""ADNI as DICOM: `002_S_0413/<description>/2006-05-02_12_31_52.0/I45117/ADNI_..._I45117.dcm`, a file per slice.

Series are chosen and converted as those of any DICOM; the subject and the day come from the folders, as in ADNI's
tables, and the labels from these. What only the headers know, such as an age without a table, is kept.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path

from medical_transformer.cohorts.adni_tables import (
    DATE,
    IMAGE_ID,
    SUBJECT,
    AdniTables,
    Known,
    account_for_adni_rows,
    notes_on_adni,
    read_adni_tables,
    read_day,
)
from medical_transformer.cohorts.indexed import Indexed, LedgerDraft
from medical_transformer.cohorts.ledger import Entry, Ledger
from medical_transformer.cohorts.readers import dicom
from medical_transformer.cohorts.scan import Scan
from medical_transformer.errors import CohortError

name = "adni-dicom"


def recognises(source: Path, files: Sequence[Path]) -> bool:
    """Tell whether a DICOM file lies in a folder of a day below one named like a subject; `adni` comes before."""
    slices = (path for path in files if path.suffix.lower() == ".dcm")
    return any(_who_and_when(source, path.as_posix()) for path in slices)


def read(
    source: Path, files: Sequence[Path], table: Path | None, out: Path | None = None, archive: str = ""
) -> Indexed:
    """Convert the T1w series of each study, with the labels of the nearest visit.

    Raises:
        CohortError: if a series lies in no folder of a subject and a day, there is none, or the named table is
            neither ADNIMERGE nor a collection's.
    """
    tables = read_adni_tables(source, files, table)
    read_tables = {one.path for one in tables.raw}
    indexed = dicom.read(source, [path for path in files if source / path not in read_tables], None, out, archive)
    known = {scan.name: _known(scan, source, tables) for scan in indexed.cohort.scans}
    scans = tuple(_labelled(scan, *known[scan.name]) for scan in indexed.cohort.scans)
    draft = LedgerDraft()
    for entry in indexed.ledger.entries:
        if entry.kind == "file" and (found := _who_and_when(source, entry.item)):
            draft.meet(found[0])
    used: dict[str, list[str]] = {}
    for name, (_, about) in known.items():
        for row in about.rows:
            used.setdefault(row.where, []).append(name)
    account_for_adni_rows(tables, used, {scan.subject for scan in scans}, source, draft)
    entries = (*(_with_labels(entry, known) for entry in indexed.ledger.entries), *draft.finish(()).entries)
    cohort = replace(indexed.cohort, name="ADNI", scans=scans)
    return replace(
        indexed,
        cohort=cohort,
        ledger=Ledger(entries),
        about=lambda used: (*indexed.about(used), *notes_on_adni(used, tables)),
    )


def _who_and_when(source: Path, item: str) -> tuple[str, date] | None:
    parts = (source.resolve() / item).parts
    subject = next((part for part in reversed(parts) if SUBJECT.match(part)), None)
    days = [day for part in parts if (found := DATE.match(part)) and (day := read_day(found[1]))]
    return (subject, days[-1]) if subject and days else None


def _known(scan: Scan, source: Path, tables: AdniTables) -> tuple[str, Known]:
    """Return the subject of a scan and what the tables say; a scan's source is the folder of its series."""
    folder = scan.source.rpartition(" (series ")[0]
    found = _who_and_when(source, folder)
    if found is None:
        raise CohortError(f"{folder} lies in no folder such as 002_S_0413/MPRAGE/2006-05-02_12_31_52.0/I45117.")
    number = IMAGE_ID.search(Path(folder).name)
    return found[0], tables.about(*found, [int(number[1]) if number else None])


def _labelled(scan: Scan, subject: str, known: Known) -> Scan:
    return replace(
        scan,
        subject=subject,
        session=known.session or scan.session,
        labels={**scan.labels, **known.labels},
        source=", ".join(part for part in (scan.source, known.source) if part),
    )


def _with_labels(entry: Entry, known: dict[str, tuple[str, Known]]) -> Entry:
    if entry.kind != "scan" or entry.item not in known:
        return entry
    subject, about = known[entry.item]
    return replace(entry, subject=subject, reason=f"{entry.reason} {about.reason}")
