"""ABIDE I and II as INDI hands them out: `NYU/0050952/session_1/anat_1/mprage.nii.gz` and a phenotypic table.

The table's SUB_ID has no leading zeros, its column names may have stray spaces, and -9999 is a missing value.
"""

import re
from collections.abc import Iterable, Sequence
from operator import attrgetter
from pathlib import Path

from medical_transformer.cohorts.cohort import Cohort
from medical_transformer.cohorts.files import is_image, item_of, tables_near
from medical_transformer.cohorts.indexed import Indexed, LedgerDraft, counted
from medical_transformer.cohorts.label_cells import (
    LabelColumns,
    coded_column,
    notes_on_columns,
    number_column,
    sex_column,
)
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
from medical_transformer.cohorts.raw_table import RawTable, TableRow, as_whole, read_raw_table
from medical_transformer.cohorts.scan import Scan
from medical_transformer.errors import CohortError

name = "abide"

PLACE = re.compile(
    r"(?:^|/)(?P<site>[^/]+)/(?P<subject>\d{5,7})/(?P<session>session_\d+)/anat_\d+/(?:mprage|anat)[^/]*\.nii(\.gz)?$"
)
SEX_CODES = {"1": "male", "2": "female"}
GROUPS = {1: "ASD", 2: "control"}
COLUMNS = LabelColumns(
    (
        number_column("AGE_AT_SCAN", "age_years"),
        sex_column("SEX", SEX_CODES),
        coded_column("DX_GROUP", "diagnosis", lambda cell: GROUPS.get(as_whole(cell) or 0), "1 (ASD) and 2 (control)"),
        number_column("FIQ", "full_iq"),
    )
)
usual = ("age_years>=13",)  # paper section 4.1: subjects of 13 years or older

Tables = Sequence[tuple[RawTable, People]]


def recognises(source: Path, files: Sequence[Path]) -> bool:
    """Tell whether an image lies in session_1/anat_1 of a subject of a site."""
    return any(PLACE.search(path.as_posix()) for path in files)


def read(source: Path, files: Sequence[Path], table: Path | None) -> Indexed:
    """Read one image per session, with age, sex and diagnosis (`ASD` or `control`).

    Raises:
        CohortError: if there is no image, or the named table lacks SUB_ID.
    """
    draft = LedgerDraft()
    sessions = _sessions(files)
    if not sessions:
        raise CohortError(f"{source} holds no image such as NYU/0050952/session_1/anat_1/mprage.nii.gz.")
    tables = _tables(source, files, table)
    scans = tuple(_scan(name, paths, tables, draft) for name, paths in sessions.items())
    subjects = by_key(scans, attrgetter("subject"))
    for raw, people in tables:
        account_for_rows(raw, people, subjects, source, draft)
    return Indexed(Cohort("ABIDE", source, scans), draft.finish(files), about=lambda used: _notes(used, tables))


def _sessions(files: Iterable[Path]) -> dict[str, list[Path]]:
    found: dict[str, list[Path]] = {}
    for path in files:
        match = PLACE.search(path.as_posix())
        if match and is_image(path):
            found.setdefault(f"{int(match['subject']):07d}_{match['session']}", []).append(path)
    return found


def _tables(source: Path, files: Iterable[Path], table: Path | None) -> Tables:
    raws = [read_raw_table(path, item_of(path, source)) for path in tables_near(source, files, table, "henotypic")]
    if table:
        raws[0].require("SUB_ID")
    return [(raw, group_people(raw, _subject, COLUMNS.read, COLUMNS.left_out)) for raw in raws if raw.column("SUB_ID")]


def _subject(row: TableRow) -> str | None:
    number = as_whole(row.text("SUB_ID"))
    return None if number is None else f"{number:07d}"


def _scan(scan: str, paths: Sequence[Path], tables: Tables, draft: LedgerDraft) -> Scan:
    taken, *others = paths
    match = PLACE.search(taken.as_posix())
    assert match is not None
    subject = scan.partition("_")[0]
    person = _person(subject, tables)
    draft.file(taken, Verdict.USED, f"The T1w image of {scan}.", subject)
    for path in others:
        draft.file(path, Verdict.SKIPPED, f"Another image of the session; {taken.as_posix()} was taken.", subject)
    draft.scan(scan, Verdict.USED, what_is_known(person), subject)
    return Scan(
        subject=subject,
        name=scan,
        images={"T1w": taken},
        session=match["session"],
        site=match["site"],
        labels=person.merged.labels if person else {},
        source=person.where if person else taken.as_posix(),
    )


def _person(subject: str, tables: Tables) -> Person | None:
    return next((people[subject] for _, people in tables if subject in people), None)


def _notes(scans: Sequence[Scan], tables: Tables) -> list[str]:
    subjects = {scan.subject for scan in scans}
    notes = [f"{counted(scans, 'scan')} of {counted(subjects, 'subject')}."]
    if not tables:
        notes.append("No phenotypic table (with SUB_ID) was found, so there are no labels.")
    notes += notes_on_missing(scans, ("age_years", "sex", "diagnosis"))
    for raw, people in tables:
        notes += [*notes_on_columns(raw, COLUMNS), *notes_on_rows(raw, people, subjects)]
    return notes
