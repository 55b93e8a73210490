"""OASIS-1: people of 18 to 96 years, some with dementia, as Analyze pairs and one table.

A session is `OAS1_0001_MR1/PROCESSED/MPRAGE/SUBJ_111/OAS1_0001_MR1_mpr_n4_anon_sbj_111.{hdr,img}`: the mean of its
repeats, at 1 mm, in the subject's own space and with the skull on. Analyze headers do not say where left is, but the
data set does: these images and the raw ones are stored sagittally, axes to anterior, superior and left. That is what
Analyze calls "sagittal unflipped", and how FreeSurfer and clinica read them.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from medical_transformer.cohorts.cohort import Cohort
from medical_transformer.cohorts.files import item_of, tables_near
from medical_transformer.cohorts.indexed import Indexed, LedgerDraft, counted, listing
from medical_transformer.cohorts.label_cells import LabelColumns, notes_on_columns, number_column, sex_column
from medical_transformer.cohorts.labels import Label
from medical_transformer.cohorts.ledger import Verdict
from medical_transformer.cohorts.people import (
    People,
    Person,
    account_for_rows,
    by_key,
    group_people,
    notes_on_missing,
    notes_on_rows,
    what_is_known,
)
from medical_transformer.cohorts.raw_table import RawTable, TableRow, as_number, read_raw_table
from medical_transformer.cohorts.scan import Scan
from medical_transformer.errors import CohortError
from medical_transformer.volumes import Address

name = "oasis"

FILE = re.compile(r"^(?P<scan>(?P<subject>OAS1_\d{4})_(?P<session>MR\d))_(?P<rest>.+)\.(hdr|img)$")
AVERAGE, REPEAT = re.compile(r"mpr_n\d_anon_sbj_111$"), re.compile(r"mpr-(\d)_anon$")
AXES = "ASL"


def recognises(source: Path, files: Sequence[Path]) -> bool:
    """Tell whether Analyze pairs named as OASIS-1 names them lie anywhere below."""
    return any(FILE.match(path.name) for path in files)


def read(source: Path, files: Sequence[Path], table: Path | None) -> Indexed:
    """Read one image per session, the mean of its repeats, with age, sex, CDR and diagnosis.

    Raises:
        CohortError: if there is no image, or the table is not OASIS-1's.
    """
    draft = LedgerDraft()
    sessions = _sessions(files)
    if not sessions:
        raise CohortError(f"{source} holds no pair such as OAS1_0001_MR1_mpr_n4_anon_sbj_111.hdr and .img.")
    raw = _table(source, files, table)
    people = group_people(raw, lambda row: row.text("ID"), _labels, COLUMNS.left_out) if raw else {}
    found = (_scan(session, images, people.get(session), draft) for session, images in sessions.items())
    scans = tuple(scan for scan in found if scan is not None)
    if raw:
        account_for_rows(raw, people, by_key(scans), source, draft)
    return Indexed(Cohort("OASIS-1", source, scans), draft.finish(files), about=lambda used: _notes(used, raw, people))


def _sessions(files: Iterable[Path]) -> dict[str, list[Path]]:
    """Return the files of each session that are images in its own space, the best pair first."""
    found: dict[str, list[Path]] = {}
    for path in files:
        match = FILE.match(path.name)
        if match and (AVERAGE.match(match["rest"]) or REPEAT.match(match["rest"])):
            found.setdefault(match["scan"], []).append(path)
    return {scan: sorted(paths, key=_preference) for scan, paths in found.items()}


def _preference(path: Path) -> tuple[bool, str, bool]:
    """Order the files of a session: the mean of the repeats, then the first repeat; of a pair the voxels first."""
    return "sbj_111" not in path.name, path.stem, path.suffix != ".img"


def _table(source: Path, files: Iterable[Path], named: Path | None) -> RawTable | None:
    raws = [read_raw_table(path, item_of(path, source)) for path in tables_near(source, files, named, "(?i)oasis")]
    if named:
        raws[0].require("CDR")
        raws[0].require("ID")
    return next((raw for raw in raws if {"ID", "CDR"} <= set(raw.columns)), None)


def _labels(row: TableRow) -> Mapping[str, Label]:
    """Return a row's labels, and a diagnosis: AD for a CDR above 0.

    The young were not rated and are healthy. A CDR that is none says nothing.
    """
    labels = COLUMNS.read(row)
    if row.text("CDR") and "cdr" not in labels:
        return labels
    return labels | {"diagnosis": "AD" if float(labels.get("cdr", 0.0)) > 0 else "CN"}


def _cubicmm(millilitres: str) -> float | None:
    volume = as_number(millilitres)
    return None if volume is None else 1000 * volume


COLUMNS = LabelColumns(
    (
        number_column("Age", "age_years"),
        sex_column("M/F"),
        number_column("CDR", "cdr"),
        number_column("MMSE", "mmse"),
        number_column("Educ", "education_level"),
        number_column("eTIV", "etiv_cubicmm", _cubicmm),
    )
)


def _scan(session: str, images: Sequence[Path], person: Person | None, draft: LedgerDraft) -> Scan | None:
    taken, *others = images
    match = FILE.match(taken.name)
    assert match is not None
    subject, header = match["subject"], taken.with_suffix(".hdr")
    if taken.suffix != ".img" or header not in others:
        lost = header if taken.suffix == ".img" else taken.with_suffix(".img")
        reason = f"{lost.as_posix()} is not there; an Analyze pair needs both files."
        for path in images:
            draft.file(path, Verdict.REFUSED, reason, subject)
        draft.scan(session, Verdict.REFUSED, reason, subject)
        return None
    kind = "mean of the repeats" if AVERAGE.match(match["rest"]) else "first repeat; the mean is not there"
    for path in (taken, header):
        draft.file(path, Verdict.USED, f"The T1w image of {session}, the {kind}.", subject)
    for path in (path for path in others if path != header):
        draft.file(path, Verdict.SKIPPED, f"Another image of the session; {taken.name} was taken, the {kind}.", subject)
    draft.scan(session, Verdict.USED, what_is_known(person), subject)
    return Scan(
        subject=subject,
        name=session,
        images={"T1w": Address(taken, axes=AXES).path},
        session=match["session"],
        labels=person.merged.labels if person else {},
        source=person.where if person else taken.as_posix(),
    )


def _notes(scans: Sequence[Scan], raw: RawTable | None, people: People) -> list[str]:
    subjects = {scan.subject for scan in scans}
    notes = [
        f"{counted(scans, 'scan')} of {counted(subjects, 'subject')}; sessions MR2 repeat a healthy subject's MR1.",
        f"Analyze pairs are read with the axes {AXES}, as the data set stores them.",
    ]
    if raw is None:
        return [*notes, "No table oasis_cross-sectional.csv was found, so there are no labels."]
    groups = Counter(str(scan.labels.get("diagnosis", "unknown")) for scan in scans)
    return [
        *notes,
        "A CDR of 0, or none (the young), was read as CN; 0.5, 1 and 2 as AD. There is no MCI in OASIS-1.",
        f"Scans per diagnosis: {listing(f'{group} {count}' for group, count in sorted(groups.items()))}.",
        *notes_on_missing(scans, ("age_years", "sex")),
        *notes_on_columns(raw, COLUMNS),
        *notes_on_rows(raw, people, by_key(scans)),
    ]
