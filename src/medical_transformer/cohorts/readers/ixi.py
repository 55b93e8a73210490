"""IXI: healthy heads from three London hospitals, with ages and sexes in a spreadsheet.

The layout is `IXI012-HH-1211-T1.nii.gz`: subject, hospital, number of the scan, kind of image. A folder
`DLMUSE` of label maps may lie beside the images.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from operator import attrgetter
from pathlib import Path

from medical_transformer.cohorts.cohort import Cohort
from medical_transformer.cohorts.files import as_named, item_of, parents_of
from medical_transformer.cohorts.indexed import Indexed, LedgerDraft, counted
from medical_transformer.cohorts.label_cells import LabelColumns, notes_on_columns, number_column, sex_column
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

name = "ixi"

FILE = re.compile(r"^(?P<scan>(?P<subject>IXI\d{3})-(?P<site>Guys|HH|IOP)-\d+)-(?P<kind>[A-Z0-9-]+)\.nii(\.gz)?$")
TABLES = ("IXI.csv", "IXI.xls", "IXI.xlsx")
SEX_CODES = {"1": "male", "2": "female"}


def recognises(source: Path, files: Sequence[Path]) -> bool:
    """Tell whether images named as IXI names them lie here or in a folder."""
    return any(len(path.parts) <= 2 and FILE.match(path.name) for path in files)


def read(source: Path, files: Sequence[Path], table: Path | None) -> Indexed:
    """Read IXI's T1 images and the labels of its table.

    Raises:
        CohortError: if there is no T1 image, or the table is not IXI's.
    """
    draft = LedgerDraft()
    images = _choose_images(files, draft)
    if not images:
        raise CohortError(f"{source} holds no image such as IXI012-HH-1211-T1.nii.gz; give the folder IXI-T1.")
    maps = _label_maps(source, files)
    found = [table] if table else _find_tables(source, files, images.values())
    demographics = read_raw_table(found[0]) if found else None
    unused = _account_for_unused(found, source, draft)
    people = _people(demographics) if demographics else {}
    scans = tuple(_scan(path, maps, people, draft) for path in images.values())
    _account_for_maps(maps, scans, draft)
    if demographics:
        account_for_rows(demographics, people, by_key(scans, attrgetter("subject")), source, draft)
    return Indexed(
        Cohort("IXI", source, scans),
        draft.finish(files),
        unused,
        about=lambda used: _notes(used, people, demographics),
    )


def _choose_images(files: Iterable[Path], draft: LedgerDraft) -> dict[str, Path]:
    images: dict[str, Path] = {}
    for path in files:
        match = FILE.match(path.name)
        if match is None or match["kind"] == "DLMUSE":
            continue
        if match["kind"] != "T1":
            reason = f"An image of the kind {match['kind']}; IXI's lie on grids of their own, so only T1 is indexed."
            draft.file(path, Verdict.SKIPPED, reason, match["subject"])
        elif match["scan"] in images:
            reason = f"The same scan as {images[match['scan']].as_posix()}, which was taken."
            draft.file(path, Verdict.SKIPPED, reason, match["subject"])
        else:
            images[match["scan"]] = path
    return images


def _label_maps(source: Path, files: Iterable[Path]) -> dict[str, Path]:
    """Return scan name to label map, below the source or in the folder DLMUSE beside it."""
    every = (folder / "DLMUSE" for folder in parents_of(source))
    beside = next((folder for folder in every if folder.is_dir() and folder.resolve() != source.resolve()), None)
    outside = sorted(beside.iterdir()) if beside else ()
    paths = [*files, *(Path(item_of(path, source)) for path in outside)]
    matches = ((FILE.match(path.name), path) for path in paths)
    return {match["scan"]: path for match, path in matches if match and match["kind"] == "DLMUSE"}


def _find_tables(source: Path, files: Iterable[Path], images: Collection[Path]) -> list[Path]:
    """Return the tables that are called as IXI's, each once, the nearest to the source as it was named first.

    Those in the source come from the top down; then those up to two folders above the images, and last those above
    what links to the images lead to.
    """
    inside = sorted((path for path in files if path.name in TABLES), key=lambda path: (len(path.parts), path.name))
    named = {as_named(source) / path.parent for path in images}
    targets = {(source / path).resolve().parent for path in images}
    outside = (folder / title for folder in (*_upwards(named), *_upwards(targets)) for title in TABLES)
    found: dict[Path, Path] = {}
    for path in (*(source / path for path in inside), *outside):
        if path.is_file():
            found.setdefault(path.resolve(), path)
    return list(found.values())


def _upwards(folders: Iterable[Path]) -> Iterator[Path]:
    """Yield folders and those up to two above them, the deepest first."""
    every = {above for folder in folders for above in (folder, *folder.parents[:2])}
    yield from sorted(every, key=lambda folder: (-len(folder.parts), folder))


def _account_for_unused(found: Sequence[Path], source: Path, draft: LedgerDraft) -> tuple[str, ...]:
    """Say of every table but the first that it is not used and why, and return the same as notes."""
    notes = []
    for path in found[1:]:
        why = "comes before it in the same folder" if path.parent == found[0].parent else "is nearer to the source"
        reason = f"{item_of(found[0], source)} {why}; name this one with --table to have it read instead."
        draft.file(item_of(path, source), Verdict.SKIPPED, f"Not used: {reason}")
        notes.append(f"{item_of(path, source)} is not used: {reason}")
    return tuple(notes)


def _people(table: RawTable) -> dict[str, Person]:
    id_column, columns = table.require("IXI_ID"), _columns(table)

    def subject(row: TableRow) -> str | None:
        number = as_whole(row.text(id_column))
        return None if number is None else f"IXI{number:03d}"

    return group_people(table, subject, columns.read, columns.left_out)


def _columns(table: RawTable) -> LabelColumns:
    sex = next((column for column in table.columns if column.upper().startswith("SEX")), "SEX_ID")
    return LabelColumns(
        (
            number_column("AGE", "age_years"),
            sex_column(sex, SEX_CODES),
            number_column("HEIGHT", "height_cm"),
            number_column("WEIGHT", "weight_kg"),
        )
    )


def _scan(path: Path, maps: Mapping[str, Path], people: People, draft: LedgerDraft) -> Scan:
    match = FILE.match(path.name)
    assert match is not None
    subject, person = match["subject"], people.get(match["subject"])
    draft.file(path, Verdict.USED, f"The T1 image of {match['scan']}.", subject)
    draft.scan(match["scan"], Verdict.USED, what_is_known(person), subject)
    return Scan(
        subject=subject,
        name=match["scan"],
        images={"T1w": path},
        site=match["site"],
        segmentation=maps.get(match["scan"]),
        labels=person.merged.labels if person else {},
        source=person.where if person else path.as_posix(),
    )


def _account_for_maps(maps: Mapping[str, Path], scans: Iterable[Scan], draft: LedgerDraft) -> None:
    subjects = {scan.name: scan.subject for scan in scans}
    for scan, path in maps.items():
        if scan in subjects:
            draft.file(path, Verdict.USED, f"The label map of {scan}.", subjects[scan])
        else:
            draft.file(path, Verdict.SKIPPED, f"A label map without its image {scan}-T1.nii.gz.")


def _notes(scans: Sequence[Scan], people: People, table: RawTable | None) -> tuple[str, ...]:
    subjects = {scan.subject for scan in scans}
    notes = [f"{counted(scans, 'T1 scan')} of {counted(subjects, 'subject')}."]
    if table is None:
        return (*notes, f"No table found ({', '.join(TABLES)}), so no scan has an age or a sex.")
    notes += notes_on_missing(scans, ("age_years", "sex"))
    return (*notes, *notes_on_columns(table, _columns(table)), *notes_on_rows(table, people, subjects))
