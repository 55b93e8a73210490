"""BIDS: `sub-01/ses-1/anat/sub-01_ses-1_T1w.nii.gz` and `participants.tsv`, in one data set or several.

Raw T1w images are taken, one per session. A source may hold several data sets side by side (ABIDE keeps one
per hospital); each is read with its own participants.tsv, and its folder becomes the site.
"""

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from medical_transformer.cohorts.cohort import Cohort
from medical_transformer.cohorts.columns import codes_of_levels, label_columns
from medical_transformer.cohorts.files import file_safe, is_image, item_of
from medical_transformer.cohorts.indexed import Indexed, LedgerDraft, counted, listing
from medical_transformer.cohorts.ledger import Verdict
from medical_transformer.cohorts.people import (
    People,
    Person,
    account_for_rows,
    group_people,
    notes_on_missing,
    notes_on_rows,
    of_one_kind,
    what_is_known,
)
from medical_transformer.cohorts.raw_table import RawTable, TableRow, read_raw_table
from medical_transformer.cohorts.scan import Scan
from medical_transformer.errors import CohortError

name = "bids"

FILE = re.compile(
    r"^(?P<subject>sub-[A-Za-z0-9]+)(_(?P<session>ses-[A-Za-z0-9]+))?(?P<entities>(_[a-z]+-[A-Za-z0-9+]+)*)"
    r"_(?P<suffix>[A-Za-z0-9]+)\.nii(\.gz)?$"
)
PLACE = re.compile(r"^([^/]+/)?sub-[^/]+/(ses-[^/]+/)?anat/[^/]*_T1w\.nii")
NOT_RAW = frozenset({"derivatives", "sourcedata", "code", "stimuli"})
ID_COLUMNS = ("participant_id", "participant", "subject_id", "subject", "CCID", "sub_id", "id")
SESSION_COLUMNS = ("session_id", "session")
SITE_COLUMNS = ("site", "site_id", "scan_site", "scanner_site", "center", "centre")


@dataclass(frozen=True, slots=True)
class _Occasion:
    """One session of one subject of one data set: where it lies, and its T1w images, the taken one first."""

    dataset: Path
    label: str
    session: str | None
    images: tuple[Path, ...]
    prefix: str = ""
    site: str | None = None

    @property
    def key(self) -> str:
        return f"{self.label}_{self.session}" if self.session else self.label


@dataclass(frozen=True, slots=True)
class _Participants:
    """One participants.tsv: its rows under `sub-01` or, where it has sessions, `sub-01_ses-1`."""

    table: RawTable
    people: People

    def person_of(self, occasion: _Occasion) -> Person | None:
        return self.people.get(self.key_of(occasion) or "")

    def site_of(self, person: Person) -> str | None:
        column = self.table.column(*SITE_COLUMNS)
        return person.rows[0].text(column) if column else None

    def key_of(self, occasion: _Occasion) -> str | None:
        return next((key for key in (occasion.key, occasion.label) if key in self.people), None)


def recognises(source: Path, files: Sequence[Path]) -> bool:
    """Tell whether `sub-*/anat` or `sub-*/ses-*/anat` with a T1w lies here or in a folder."""
    return any(PLACE.match(path.as_posix()) for path in files)


def read(
    source: Path, files: Sequence[Path], table: Path | None, sex_codes: Mapping[str, str] | None = None
) -> Indexed:
    """Read one T1w image per session, and every column of participants.tsv as a label.

    Args:
        source: the data set, or a folder of several.
        files: its files, relative to it.
        table: a table in place of participants.tsv.
        sex_codes: what codes for the sexes mean where participants.json does not say, such as `1` to `male`.

    Raises:
        CohortError: if there is no raw T1w image, or a table cannot be read.
    """
    draft = LedgerDraft()
    occasions = _told_apart(_occasions(files, draft))
    if not occasions:
        raise CohortError(f"{source} holds no sub-*/anat/*_T1w.nii.gz outside {', '.join(sorted(NOT_RAW))}.")
    tables = _tables(source, occasions, table, sex_codes or {})
    scans = of_one_kind(_scan(one, tables, draft) for one in occasions)
    notes = _notes(occasions, scans)
    for participants in {id(one): one for one in tables.values()}.values():
        theirs = (one for one in occasions if tables.get(one.dataset) is participants)
        met = {key for one in theirs if (key := participants.key_of(one))}
        account_for_rows(participants.table, participants.people, met, source, draft)
        notes += notes_on_rows(participants.table, participants.people, met)
    return Indexed(Cohort(_title(source), source, scans), draft.finish(files), tuple(notes))


def _occasions(files: Iterable[Path], draft: LedgerDraft) -> list[_Occasion]:
    found: dict[tuple[Path, str, str | None], list[Path]] = {}
    for path in files:
        match = FILE.match(path.name)
        if match is None or not is_image(path):
            continue
        if NOT_RAW & set(path.parts[:-1]):
            draft.file(path, Verdict.SKIPPED, "Not raw data; only raw T1w images are indexed.", match["subject"])
        elif match["suffix"] != "T1w" or path.parent.name != "anat":
            reason = f"A {match['suffix']} image of {path.parent.name or 'no folder'}; only anat T1w is indexed."
            draft.file(path, Verdict.SKIPPED, reason, match["subject"])
        else:
            above = path.parents[2 if match["session"] and path.parents[1].name == match["session"] else 1]
            key = (above.parent, match["subject"], match["session"])
            found.setdefault(key, []).append(path)
    return [_Occasion(*key, tuple(sorted(paths, key=_preference))) for key, paths in sorted(found.items(), key=str)]


def _preference(path: Path) -> tuple[bool, bool, int, str]:
    """Order the T1w images of a session: no contrast agent, no special acquisition, then the first run."""
    run = re.search(r"_run-(\d+)", path.name)
    return "_ce-" in path.name, "_acq-" in path.name, int(run[1]) if run else 0, path.name


def _told_apart(occasions: list[_Occasion]) -> list[_Occasion]:
    """Give sites to data sets side by side, and a prefix to identifiers that several of them use."""
    datasets = {one.dataset for one in occasions}
    uses = Counter(label for _, label in {(one.dataset, one.label) for one in occasions})
    if len(datasets) == 1:
        return occasions
    return [
        replace(
            one,
            prefix=file_safe("-".join(one.dataset.parts)) + "-" if uses[one.label] > 1 else "",
            site=one.dataset.name or None,
        )
        for one in occasions
    ]


def _scan(one: _Occasion, tables: Mapping[Path, _Participants], draft: LedgerDraft) -> Scan:
    participants = tables.get(one.dataset)
    person = participants.person_of(one) if participants else None
    subject, scan = one.prefix + one.label, one.prefix + one.key
    taken, *others = one.images
    draft.file(taken, Verdict.USED, f"The T1w image of {scan}.", subject)
    for path in others:
        reason = f"Another T1w of the session; {taken.name} was taken ({_why(taken, path)})."
        draft.file(path, Verdict.SKIPPED, reason, subject)
    draft.scan(scan, Verdict.USED, what_is_known(person), subject)
    return Scan(
        subject=subject,
        name=scan,
        images={"T1w": taken},
        session=one.session,
        site=(participants.site_of(person) if participants and person else None) or one.site,
        labels=person.merged.labels if person else {},
        source=person.where if person else taken.as_posix(),
    )


def _why(taken: Path, other: Path) -> str:
    reasons = ("no contrast agent", "no special acquisition", "the earlier run", "the first by name")
    pairs = zip(reasons, _preference(taken), _preference(other), strict=True)
    return next((reason for reason, mine, its in pairs if mine != its), reasons[-1])


def _tables(
    source: Path, occasions: Iterable[_Occasion], table: Path | None, codes: Mapping[str, str]
) -> dict[Path, _Participants]:
    """Return each data set's participants.tsv, or the one table that was named for all of them."""
    labels: dict[Path, set[str]] = {}
    paths: dict[Path, Path] = {}
    for one in occasions:
        paths[one.dataset] = table or source / one.dataset / "participants.tsv"
        labels.setdefault(paths[one.dataset], set()).add(one.label)
    read = {
        path: _participants(path, source, known, codes) for path, known in labels.items() if table or path.is_file()
    }
    return {dataset: read[path] for dataset, path in paths.items() if path in read}


def _participants(path: Path, source: Path, subjects: set[str], codes: Mapping[str, str]) -> _Participants:
    table = read_raw_table(path, item_of(path, source))
    id_column, session_column = table.require(*ID_COLUMNS), table.column(*SESSION_COLUMNS)
    taken = (id_column, session_column, table.column(*SITE_COLUMNS))
    columns = label_columns(table, taken, _sex_codes(path.with_suffix(".json")) or codes)
    unpadded = {_unpadded(subject): subject for subject in subjects}

    def key(row: TableRow) -> str | None:
        identifier, session = row.text(id_column), row.text(session_column) if session_column else None
        if identifier is None:
            return None
        subject = "sub-" + identifier.removeprefix("sub-")
        subject = subject if subject in subjects else unpadded.get(_unpadded(subject), subject)
        return f"{subject}_ses-{session.removeprefix('ses-')}" if session else subject

    return _Participants(table, group_people(table, key, columns.read))


def _unpadded(subject: str) -> str:
    """Return `sub-1` for `sub-001`: spreadsheets drop leading zeros."""
    return re.sub(r"^sub-0+(?=\d+$)", "sub-", subject)


def _sex_codes(description: Path) -> dict[str, str]:
    """Return what the codes of the sex column mean, where participants.json says so."""
    if not description.is_file():
        return {}
    try:
        about = json.loads(description.read_text(encoding="utf-8"))
    except ValueError as error:
        raise CohortError(f"{description} is no readable JSON ({error}); repair or remove it.") from error
    columns = about.values() if isinstance(about, dict) else ()
    levels = [column.get("Levels") for column in columns if isinstance(column, dict)]
    codes = (codes_of_levels(level) for level in levels if isinstance(level, dict))
    return next((code for code in codes if set(code.values()) == {"female", "male"}), {})


def _title(source: Path) -> str:
    description = source / "dataset_description.json"
    if description.is_file():
        found = re.search(r'"Name"\s*:\s*"([^"]+)"', description.read_text(encoding="utf-8", errors="replace"))
        if found:
            return found[1]
    return source.resolve().name


def _notes(occasions: list[_Occasion], scans: tuple[Scan, ...]) -> list[str]:
    subjects = {scan.subject for scan in scans}
    notes = [f"{counted(scans, 'T1w scan')} of {counted(subjects, 'subject')}."]
    several = listing(one.prefix + one.key for one in occasions if len(one.images) > 1)
    if several:
        notes.append(f"Of several T1w images in a session one was taken, as the ledger says: {several}.")
    shared = listing(sorted(one.label for one in occasions if one.prefix))
    if shared:
        notes.append(f"Data sets side by side use the same identifiers, told apart by folder: {shared}.")
    return notes + notes_on_missing(scans, ("age_years", "sex"))
