"""A plain folder of NIfTI files, with a table of any shape or none.

What belongs together and which modality an image is are read from the file names: `001_T1.nii`, `001_FLAIR.nii`
and `001_seg.nii` are one scan and its map, as are `T1.nii` and `FLAIR.nii` in a folder `001`.
"""

import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from medical_transformer.cohorts.cohort import Cohort
from medical_transformer.cohorts.columns import SESSION_COLUMNS, SITE_COLUMNS, label_columns
from medical_transformer.cohorts.file_names import (
    BRAIN_MASK,
    KINDS,
    MAP,
    NamedImage,
    group_names,
    read_file_name,
)
from medical_transformer.cohorts.files import file_safe, is_image, is_table, item_of
from medical_transformer.cohorts.indexed import Indexed, LedgerDraft, counted, listing
from medical_transformer.cohorts.label_cells import notes_on_columns
from medical_transformer.cohorts.ledger import Verdict
from medical_transformer.cohorts.matching import Match, match_column, require_match, why_no_match
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
from medical_transformer.cohorts.raw_table import RawTable, TableRow, read_raw_table
from medical_transformer.cohorts.scan import Scan
from medical_transformer.errors import CohortError

name = "folder"

SUBJECT_COLUMNS = ("subject", "subject_id", "participant_id", "participant", "patient", "patient_id", "PTID", "sub_id")
VISIT_COLUMNS = (*SESSION_COLUMNS, "visit")
PLACE_COLUMNS = (*SITE_COLUMNS, "scanner")
# So many tables that are not used have a note of their own; programs leave thousands of tables beside scans.
MOST_UNUSED = 5
NEEDLESS = "A brain mask; preparation makes its own."


@dataclass(frozen=True, slots=True)
class _Group:
    """The images of one scan: its modalities and its map."""

    images: Mapping[str, Path]
    segmentation: Path | None


@dataclass(frozen=True, slots=True)
class _Table:
    """The table, the column that names the scans, what the rows say about each, and notes on its columns."""

    raw: RawTable
    match: Match
    people: People
    notes: tuple[str, ...]


def recognises(source: Path, files: Sequence[Path]) -> bool:
    """Tell whether there is any NIfTI image; this reader comes after the others."""
    return any(is_image(path) for path in files)


def read(source: Path, files: Sequence[Path], table: Path | None) -> Indexed:
    """Read the images by their names, and the labels of the table whose column matches them best.

    Raises:
        CohortError: if there is no image, or the named table names none of the scans.
    """
    draft = LedgerDraft()
    named = [read_file_name(path) for path in files if is_image(path)]
    groups = _groups(source, named, draft)
    if not groups:
        raise CohortError(f"{source} holds no NIfTI image of a head; convert DICOM with dcm2niix first.")
    known, unused = _table(source, files, groups, table, draft)
    scans = tuple(_scan(scan, group, known, draft) for scan, group in groups.items())
    if known:
        account_for_rows(known.raw, known.people, by_key(scans), source, draft)
    cohort = Cohort(source.resolve().name, source, scans)
    return Indexed(cohort, draft.finish(files), unused, about=lambda used: _notes(used, named, known))


def _groups(source: Path, named: Iterable[NamedImage], draft: LedgerDraft) -> dict[str, _Group]:
    members: dict[tuple[Path, str], list[NamedImage]] = {}
    for image in named:
        members.setdefault(image.group, []).append(image)
    heads = {
        group: images for group, images in members.items() if any(one.kind not in (MAP, BRAIN_MASK) for one in images)
    }
    names = group_names(source, heads)
    for group, images in members.items():
        if group not in heads:
            for one in images:
                lone = f"A {one.kind} without an image that it belongs to."
                draft.file(one.path, Verdict.SKIPPED, NEEDLESS if one.kind == BRAIN_MASK else lone)
    return {names[group]: _group(names[group], images, draft) for group, images in heads.items()}


def _group(scan: str, images: Iterable[NamedImage], draft: LedgerDraft) -> _Group:
    taken: dict[str, Path] = {}
    for one in images:
        kind = one.kind or "T1w"
        if kind == BRAIN_MASK:
            draft.file(one.path, Verdict.SKIPPED, NEEDLESS, scan)
        elif kind in taken:
            reason = f"A second {kind} of {scan} by its name; {taken[kind].name} was taken."
            draft.file(one.path, Verdict.SKIPPED, reason, scan)
        else:
            taken[kind] = one.path
            guess = "" if one.kind else ", taken for T1w because its name does not say"
            draft.file(one.path, Verdict.USED, f"The {kind} of {scan}{guess}.", scan)
    return _Group({kind: taken[kind] for kind in KINDS if kind in taken and kind != MAP}, taken.get(MAP))


def _table(
    source: Path, files: Iterable[Path], groups: Mapping[str, _Group], table: Path | None, draft: LedgerDraft
) -> tuple[_Table | None, tuple[str, ...]]:
    """Return the named table, or the one in the source that names most scans, and notes on those that are not used."""
    paths = {scan: tuple(group.images.values()) for scan, group in groups.items()}
    if table is not None:
        raw = read_raw_table(table)
        return _understood(raw, require_match(raw, paths), paths), ()
    tables = (_readable(source, path, draft) for path in files if is_table(path))
    raws = [one for one in tables if one is not None]
    matches = [(match, raw) for raw in raws if (match := match_column(raw, paths))]
    best = max(matches, key=lambda pair: len(set(pair[0].rows.values())), default=None)
    rest = [raw for raw in raws if best is None or raw is not best[1]][:MOST_UNUSED]
    reasons = {raw.path: _why_unused(raw, best[1] if best else None, matches, paths) for raw in rest}
    for path, reason in reasons.items():
        draft.file(item_of(path, source), Verdict.SKIPPED, f"Not used: {reason}")
    notes = tuple(f"{item_of(path, source)} is not used: {reason}" for path, reason in reasons.items())
    return (_understood(best[1], best[0], paths) if best else None), notes


def _why_unused(
    raw: RawTable, taken: RawTable | None, matches: Iterable[tuple[Match, RawTable]], scans: Iterable[str]
) -> str:
    if taken is not None and any(raw is one for _, one in matches):
        return f"{taken.path.name} names as many scans or more; join the tables, or name this one with --table."
    return why_no_match(raw, scans)


def _readable(source: Path, path: Path, draft: LedgerDraft) -> RawTable | None:
    """Return a table that nobody named; a damaged one stops nothing, but stands in the ledger."""
    try:
        return read_raw_table(source / path, item_of(source / path, source))
    except CohortError as error:
        draft.file(path, Verdict.REFUSED, str(error))
        return None


def _understood(raw: RawTable, match: Match, scans: Collection[str]) -> _Table:
    taken = (match.column, *(raw.column(*some) for some in (SUBJECT_COLUMNS, VISIT_COLUMNS, PLACE_COLUMNS)))
    columns = label_columns(raw, taken)
    absent = _absent_scans((row.text(match.column) for row in raw.rows if row.number not in match.rows), scans)

    def key(row: TableRow) -> str | None:
        return match.rows.get(row.number) or absent.get(row.text(match.column) or "")

    return _Table(raw, match, group_people(raw, key, columns.read, columns.left_out), notes_on_columns(raw, columns))


def _absent_scans(cells: Iterable[str | None], scans: Collection[str]) -> dict[str, str]:
    """Return cell to what a scan would be called whose image it names: `data/p9_T1.nii.gz` to `p9`.

    Cells that name no image stay as they are, and those that would get a name that is taken.
    """
    paths = {cell: Path(cell.replace("\\", "/")) for cell in cells if cell}
    names = {cell: read_file_name(path).group[1] if is_image(path) else cell for cell, path in paths.items()}
    uses = Counter([*names.values(), *scans])
    return {cell: name if name and uses[name] == 1 else cell for cell, name in names.items()}


def _scan(scan: str, group: _Group, known: _Table | None, draft: LedgerDraft) -> Scan:
    person = known.people.get(scan) if known else None
    subject = file_safe(_cell(known, person, *SUBJECT_COLUMNS) or "") or _subject_in(scan)
    draft.scan(scan, Verdict.USED, what_is_known(person, ()), subject)
    return Scan(
        subject=subject,
        name=scan,
        images=group.images,
        session=_cell(known, person, *VISIT_COLUMNS),
        site=_cell(known, person, *PLACE_COLUMNS),
        segmentation=group.segmentation,
        labels=person.merged.labels if person else {},
        source=person.where if person else next(iter(group.images.values())).as_posix(),
    )


def _cell(known: _Table | None, person: Person | None, *columns: str) -> str | None:
    column = known.raw.column(*columns) if known else None
    return person.rows[0].text(column) if person and column else None


def _subject_in(scan: str) -> str:
    """Return `sub-01` for `sub-01_ses-2`; any other name is taken for somebody of its own."""
    found = re.match(r"sub-[A-Za-z0-9]+", scan)
    return found[0] if found else scan


def _notes(scans: Sequence[Scan], named: Iterable[NamedImage], known: _Table | None) -> list[str]:
    kinds = Counter(modality for scan in scans for modality in scan.images)
    modalities = ", ".join(f"{count} {modality}" for modality, count in sorted(kinds.items()))
    maps = sum(scan.segmentation is not None for scan in scans)
    notes = [f"{counted(scans, 'scan')} ({modalities}), {maps} with a label map, as the file names say."]
    images = {path for scan in scans for path in scan.images.values()}
    silent = [one.path.name for one in named if one.kind is None and one.path in images]
    if silent:
        notes.append(f"Taken for T1w because the file name does not say: {listing(silent, 6)}.")
    subjects = {scan.subject for scan in scans}
    told = known is not None and known.raw.column(*SUBJECT_COLUMNS) is not None
    if len(subjects) == len(scans) > 1 and not told:
        notes.append(
            "Every scan is taken for a subject of its own; if some are of the same person, say so in a column "
            "'subject' of the table, or a fold may test on somebody it trained on."
        )
    if known is None:
        return [*notes, "No table that names the scans was found, so there are no labels."]
    found = set(known.match.rows.values()) & {scan.name for scan in scans}
    notes.append(
        f"The column {known.match.column!r} of {known.raw.path.name} holds {known.match.way}: "
        f"it names {len(found)} of {counted(scans, 'scan')}."
    )
    notes += notes_on_missing(scans, sorted({label for scan in scans for label in scan.labels}))
    return [*notes, *known.notes, *notes_on_rows(known.raw, known.people, by_key(scans))]
