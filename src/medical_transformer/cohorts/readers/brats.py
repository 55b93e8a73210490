"""BraTS 2020 and its like: four co-registered modalities per glioma, and a map of its parts.

A case is a folder of its files, `BraTS20_Training_001/BraTS20_Training_001_{flair,t1,t1ce,t2,seg}.nii.gz`;
the copy on Kaggle is one folder deeper and uncompressed. The labels of the map are kept as they are:
1 necrosis and non-enhancing tumour, 2 oedema, 4 enhancing tumour.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from medical_transformer.cohorts.cohort import Cohort
from medical_transformer.cohorts.files import is_image, stem_of, tables_near
from medical_transformer.cohorts.indexed import Indexed, LedgerDraft, counted, listing
from medical_transformer.cohorts.label_cells import (
    LabelColumn,
    LabelColumns,
    notes_on_columns,
    number_column,
    text_column,
)
from medical_transformer.cohorts.labels import Label
from medical_transformer.cohorts.ledger import Verdict
from medical_transformer.cohorts.people import People, account_for_rows, by_key, group_people
from medical_transformer.cohorts.raw_table import RawTable, as_number, read_raw_table
from medical_transformer.cohorts.scan import Scan

name = "brats"

MODALITIES = {"t1": "T1w", "t1ce": "T1ce", "t2": "T2w", "flair": "FLAIR"}
FILE = re.compile(r"^(?P<case>BraTS.+)_(?P<kind>flair|t1|t1ce|t2|seg)$", re.IGNORECASE)
ID_COLUMNS = ("BraTS_2020_subject_ID", "Brats20ID", "BraTS20ID")
CASES_IN_PAPER = 369  # paper section 4.1: the training data of BraTS 2020
# Of those who were alive at the end, the table says so where it gives others' days.
COLUMNS = LabelColumns(
    (
        number_column("Age", "age_years"),
        LabelColumn(
            "Survival_days",
            "survival_days",
            as_number,
            lambda cell: "alive at the end" if "ALIVE" in cell.upper() else "no number",
        ),
        text_column("Extent_of_Resection", "resection"),
        text_column("Grade", "grade"),
    )
)

Tables = Mapping[Path, tuple[RawTable, People]]


def recognises(source: Path, files: Sequence[Path]) -> bool:
    """Tell whether files named as BraTS names a case's lie here, or up to three folders down."""
    flairs = (path for path in files if "_flair.nii" in path.name.lower() and len(path.parts) <= 4)
    return any(FILE.match(stem_of(path)) for path in flairs)


def read(source: Path, files: Sequence[Path], table: Path | None) -> Indexed:
    """Read the cases, with age, survival and grade where the tables give them.

    Raises:
        CohortError: if the folder or a table cannot be read.
    """
    draft = LedgerDraft()
    tables = _tables(source, files, table)
    cases = _cases(files)
    scans = tuple(scan for case, images in cases.items() if (scan := _scan(case, images, tables, draft)) is not None)
    for raw, people in tables.values():
        account_for_rows(raw, people, by_key(scans), source, draft)
    return Indexed(Cohort("BraTS", source, scans), draft.finish(files), about=lambda used: _notes(used, tables))


def _cases(files: Iterable[Path]) -> dict[str, list[Path]]:
    """Return each case's images: those with its name, and odd ones in a folder of its own."""
    cases: dict[str, list[Path]] = {}
    odd, owners = [], dict[Path, set[str]]()
    for path in filter(is_image, files):
        match = FILE.match(stem_of(path))
        if match is None:
            odd.append(path)
        else:
            cases.setdefault(match["case"], []).append(path)
            owners.setdefault(path.parent, set()).add(match["case"])
    for path in odd:
        if len(owners.get(path.parent, ())) == 1:
            cases[next(iter(owners[path.parent]))].append(path)
    return cases


def _scan(case: str, images: Iterable[Path], tables: Tables, draft: LedgerDraft) -> Scan | None:
    kinds, others = _kinds(case, images, draft)
    missing = [kind for kind in MODALITIES if kind not in kinds]
    if missing:
        reason = f"Case {case} lacks {listing(missing)}; all four modalities are needed."
        for path in (*kinds.values(), *others):
            draft.file(path, Verdict.REFUSED, reason, case)
        draft.scan(case, Verdict.REFUSED, reason, case)
        return None
    mask = _mask(case, kinds, others, draft)
    for kind, modality in MODALITIES.items():
        draft.file(kinds[kind], Verdict.USED, f"The {modality} image of {case}.", case)
    draft.scan(case, Verdict.USED, "Indexed with a map." if mask else "Indexed without a map of the tumour.", case)
    labels, origin = _labels_of(case, tables)
    return Scan(
        subject=case,
        name=case,
        images={modality: kinds[kind] for kind, modality in MODALITIES.items()},
        segmentation=mask,
        labels=labels,
        source=origin or kinds["t1"].parent.as_posix(),
    )


def _kinds(case: str, images: Iterable[Path], draft: LedgerDraft) -> tuple[dict[str, Path], list[Path]]:
    """Return the case's files by kind, and the images in its folder that are of no kind."""
    kinds: dict[str, Path] = {}
    others = []
    for path in images:
        match = FILE.match(stem_of(path))
        if match is None or match["case"] != case:
            others.append(path)
        elif match["kind"].lower() in kinds:
            taken = kinds[match["kind"].lower()].name
            draft.file(path, Verdict.SKIPPED, f"The same image as {taken}, which was taken.", case)
        else:
            kinds[match["kind"].lower()] = path
    return kinds, others


def _mask(case: str, kinds: Mapping[str, Path], others: list[Path], draft: LedgerDraft) -> Path | None:
    """Return the map; case 355 calls it W39_1998.09.19_Segm.nii, so a single other image is taken for it."""
    if "seg" in kinds:
        draft.file(kinds["seg"], Verdict.USED, f"The map of {case}.", case)
        return kinds["seg"]
    if len(others) == 1:
        reason = f"The map of {case}: {case}_seg is missing and this is its only other image."
        draft.file(others[0], Verdict.USED, reason, case)
        return others[0]
    for path in others:
        draft.file(path, Verdict.SKIPPED, f"One of {len(others)} images that could be the map of {case}.", case)
    return None


def _tables(source: Path, files: Iterable[Path], table: Path | None) -> Tables:
    """Read the tables that have a column of BraTS 2020 identifiers, in the source and right above it."""
    found: dict[Path, tuple[RawTable, People]] = {}
    for path in tables_near(source, files, table, "survival|mapping"):
        raw = read_raw_table(path)
        id_column = raw.require(*ID_COLUMNS) if table else raw.column(*ID_COLUMNS)
        if id_column is not None:
            found[path] = raw, _people(raw, id_column)
    return found


def _people(table: RawTable, id_column: str) -> People:
    return group_people(table, lambda row: row.text(id_column), COLUMNS.read, COLUMNS.left_out)


def _labels_of(case: str, tables: Tables) -> tuple[dict[str, Label], str]:
    people = [found[case] for _, found in tables.values() if case in found]
    labels = {label: value for person in people for label, value in person.merged.labels.items()}
    return labels, ", ".join(person.where for person in people)


def _notes(scans: Sequence[Scan], tables: Tables) -> list[str]:
    mapped = sum(scan.segmentation is not None for scan in scans)
    notes = [f"{counted(scans, 'case')}, {mapped} with a map of the tumour; the paper trained on {CASES_IN_PAPER}."]
    odd = [scan.name for scan in scans if scan.segmentation and not stem_of(scan.segmentation).endswith("_seg")]
    if odd:
        notes.append(f"The map has another name than usual in {listing(odd)}.")
    return [*notes, *(note for raw, _ in tables.values() for note in notes_on_columns(raw, COLUMNS))]
