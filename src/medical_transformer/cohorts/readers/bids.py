"""BIDS: `sub-01/ses-1/anat/sub-01_ses-1_T1w.nii.gz` and `participants.tsv`, in one data set or several.

Raw T1w images are taken, one per session. A source may hold several data sets side by side (ABIDE keeps one
per hospital); each is read with its own participants.tsv, and its folder becomes the site.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from medical_transformer.cohorts.cohort import Cohort
from medical_transformer.cohorts.files import file_safe, item_of
from medical_transformer.cohorts.indexed import Indexed, LedgerDraft, counted, listing
from medical_transformer.cohorts.labels import Label
from medical_transformer.cohorts.ledger import Verdict
from medical_transformer.cohorts.participants import DatasetTables, PeopleTable, read_participants, read_sessions
from medical_transformer.cohorts.people import (
    account_for_rows,
    notes_on_missing,
    notes_on_rows,
    of_one_kind,
    what_is_known,
)
from medical_transformer.cohorts.scan import Scan
from medical_transformer.errors import CohortError

name = "bids"

FILE = re.compile(
    r"^(?P<subject>sub-[A-Za-z0-9]+)(_(?P<session>ses-[A-Za-z0-9]+))?(?P<entities>(_[a-z]+-[A-Za-z0-9+]+)*)"
    r"_(?P<suffix>[A-Za-z0-9]+)\.nii(\.gz)?$"
)
PLACE = re.compile(r"^((?!derivatives/|sourcedata/|code/|stimuli/)[^/]+/)*?sub-[^/]+/(ses-[^/]+/)?anat/[^/]*_T1w\.nii")
DESCRIPTION = "dataset_description.json"
NOT_RAW = frozenset({"derivatives", "sourcedata", "code", "stimuli"})


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

    @property
    def name(self) -> str:
        """What its scan is called."""
        return self.prefix + self.key


def recognises(source: Path, files: Sequence[Path]) -> bool:
    """Tell whether `sub-*/anat` or `sub-*/ses-*/anat` with a T1w lies here or in folders, raw ones."""
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
    raw = _raw_only(files, draft)
    occasions = _told_apart(_occasions(raw, draft))
    if not occasions:
        raise CohortError(f"{source} holds no sub-*/anat/*_T1w.nii.gz outside {', '.join(sorted(NOT_RAW))}.")
    tables = _tables(source, raw, occasions, table, sex_codes or {})
    scans = of_one_kind(_scan(one, tables[one.dataset], draft) for one in occasions)
    _account_for_tables(source, occasions, scans, tables, draft)
    return Indexed(
        Cohort(_title(source, draft), source, scans),
        draft.finish(raw),
        about=lambda used: _notes(occasions, used, tables),
    )


def _raw_only(files: Iterable[Path], draft: LedgerDraft) -> list[Path]:
    """Return the files outside derivatives and the like, each pipeline of which gets one line."""
    raw: list[Path] = []
    aside: Counter[str] = Counter()
    for path in files:
        folders = path.parts[:-1]
        place = next((place for place, folder in enumerate(folders) if folder in NOT_RAW), None)
        if place is None:
            raw.append(path)
        else:
            aside["/".join(folders[: place + 2])] += 1
    for folder, count in aside.items():
        draft.file(
            f"{folder} ({counted(range(count), 'file')})",
            Verdict.SKIPPED,
            "Not raw data; only raw T1w images are indexed.",
        )
    return raw


def _occasions(files: Iterable[Path], draft: LedgerDraft) -> list[_Occasion]:
    found: dict[tuple[tuple[str, ...], str, str], list[Path]] = {}
    for path in files:
        *folders, title = path.parts
        match = FILE.match(title)
        if match is None:
            continue
        if match["suffix"] != "T1w" or folders[-1:] != ["anat"]:
            reason = (
                f"An image of the kind {match['suffix']} in {(folders or ['no folder'])[-1]}; only anat T1w is indexed."
            )
            draft.file(path, Verdict.SKIPPED, reason, match["subject"])
            draft.meet(f"{match['subject']}_{match['session']}")
        else:
            depth = 3 if match["session"] and folders[-2:-1] == [match["session"]] else 2
            key = (tuple(folders[:-depth]), match["subject"], match["session"] or "")
            found.setdefault(key, []).append(path)
    datasets = {folders: Path(*folders) for folders, _, _ in found}
    return [
        _Occasion(datasets[folders], subject, session or None, tuple(sorted(paths, key=_preference)))
        for (folders, subject, session), paths in sorted(found.items())
    ]


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


def _scan(one: _Occasion, tables: DatasetTables, draft: LedgerDraft) -> Scan:
    person = tables.person_of(one.label, one.session)
    subject, scan = one.prefix + one.label, one.name
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
        site=(tables.site_of(person) if person else None) or one.site,
        labels=person.merged.labels if person else {},
        source=person.where if person else taken.as_posix(),
    )


def _why(taken: Path, other: Path) -> str:
    reasons = ("no contrast agent", "no special acquisition", "the earlier run", "the first by name")
    pairs = zip(reasons, _preference(taken), _preference(other), strict=True)
    return next((reason for reason, mine, its in pairs if mine != its), reasons[-1])


def _tables(
    source: Path, files: Iterable[Path], occasions: Iterable[_Occasion], table: Path | None, codes: Mapping[str, str]
) -> dict[Path, DatasetTables]:
    """Return each data set's tables; one that was named stands in the place of every participants.tsv."""
    subjects: dict[Path, set[str]] = {}
    for one in occasions:
        subjects.setdefault(one.dataset, set()).add(one.label)
    tables = {path for path in files if path.suffix == ".tsv"}
    named = read_participants(table, source, set[str]().union(*subjects.values()), codes) if table else None
    found = {}
    for dataset, theirs in subjects.items():
        path = source / dataset / "participants.tsv"
        participants = named or (read_participants(path, source, theirs, codes) if path.is_file() else None)
        found[dataset] = DatasetTables.of(participants, read_sessions(source, dataset, tables, theirs))
    return found


def _account_for_tables(
    source: Path,
    occasions: Iterable[_Occasion],
    scans: Iterable[Scan],
    tables: Mapping[Path, DatasetTables],
    draft: LedgerDraft,
) -> None:
    """Say what became of every row, and of the files that say what the columns mean."""
    descriptions: dict[str, None] = {}
    for table, met in _met(occasions, scans, tables):
        account_for_rows(table.table, table.people, met, source, draft)
        if table.description:
            descriptions[item_of(table.description, source)] = None
    for item in descriptions:
        draft.file(item, Verdict.USED, "Says what columns of the tables mean.")


def _met(
    occasions: Iterable[_Occasion], scans: Iterable[Scan], tables: Mapping[Path, DatasetTables]
) -> Iterator[tuple[PeopleTable, dict[str, list[Scan]]]]:
    """Yield each table with the scans that its rows belong to, under the keys of the rows."""
    by_name = {scan.name: scan for scan in scans}
    here: dict[tuple[Path, str], list[Scan]] = {}
    for one in occasions:
        for key in {one.label, one.key} if one.name in by_name else ():
            here.setdefault((one.dataset, key), []).append(by_name[one.name])
    for table, datasets in _owners(tables):
        every = {key: [scan for place in datasets for scan in here.get((place, key), ())] for key in table.people}
        yield table, {key: theirs for key, theirs in every.items() if theirs}


def _owners(tables: Mapping[Path, DatasetTables]) -> Iterable[tuple[PeopleTable, list[Path]]]:
    """Return each table with the data sets that it speaks of: a table that was named, all of them."""
    owners: dict[int, tuple[PeopleTable, list[Path]]] = {}
    for dataset, theirs in tables.items():
        for one in theirs.every:
            owners.setdefault(id(one), (one, []))[1].append(dataset)
    return owners.values()


def _title(source: Path, draft: LedgerDraft) -> str:
    description = source / DESCRIPTION
    if description.is_file():
        found = re.search(r'"Name"\s*:\s*"([^"]+)"', description.read_text(encoding="utf-8", errors="replace"))
        if found:
            draft.file(Path(DESCRIPTION), Verdict.USED, "Names the data set.")
            return found[1]
    return source.resolve().name


def _notes(occasions: Iterable[_Occasion], scans: Sequence[Scan], tables: Mapping[Path, DatasetTables]) -> list[str]:
    """Say what there is to know about the scans that are used."""
    subjects, names = {scan.subject for scan in scans}, {scan.name for scan in scans}
    used = [one for one in occasions if one.name in names]
    notes = [f"{counted(scans, 'T1w scan')} of {counted(subjects, 'subject')}."]
    several = listing(one.name for one in used if len(one.images) > 1)
    if several:
        notes.append(f"Of several T1w images in a session one was taken, as the ledger says: {several}.")
    shared = listing(sorted(one.label for one in used if one.prefix))
    if shared:
        notes.append(f"Data sets side by side use the same identifiers, told apart by folder: {shared}.")
    notes += [*_notes_on_sessions(scans), *notes_on_missing(scans, ("age_years", "sex"))]
    for table, met in _met(used, scans, tables):
        notes += [*table.notes, *notes_on_rows(table.table, table.people, met)]
    return list(dict.fromkeys(notes))


def _notes_on_sessions(scans: Iterable[Scan]) -> list[str]:
    """Say who has one age at several sessions, for participants.tsv does not say at which it was asked."""
    ages: dict[str, list[Label | None]] = {}
    for scan in scans:
        ages.setdefault(scan.subject, []).append(scan.labels.get("age_years"))
    same = [subject for subject, told in ages.items() if len(told) > 1 and told[0] is not None and len(set(told)) == 1]
    if not same:
        return []
    return [
        f"The same age at all sessions of {counted(same, 'subject')}, as the tables say: {listing(same)}; "
        "ages per session belong into sub-*/sub-*_sessions.tsv."
    ]
