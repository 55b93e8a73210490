"""ADNI: normal, mildly impaired and demented people over years, with ADNIMERGE and the collection's table.

An image lies at `002_S_0413/<description>/2006-05-02_12_31_52.0/S13893/ADNI_002_S_0413_MR_..._I45117.nii`; the
path says who and when but not which visit, so tables are joined by subject and date. What was downloaded as DICOM is
read by `adni_dicom`.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from medical_transformer.cohorts.adni_tables import (
    DATE,
    IMAGE_ID,
    SUBJECT,
    AdniTables,
    account_for_adni_rows,
    notes_on_adni,
    read_adni_tables,
    read_day,
)
from medical_transformer.cohorts.cohort import Cohort
from medical_transformer.cohorts.files import is_image
from medical_transformer.cohorts.indexed import Indexed, LedgerDraft
from medical_transformer.cohorts.ledger import Verdict
from medical_transformer.cohorts.scan import Scan
from medical_transformer.errors import CohortError

name = "adni"

T1 = re.compile(r"mpr|mp-rage|mp_rage|spgr|t1", re.IGNORECASE)
NO_HEAD = re.compile(r"mask|hippocamp|segment|label", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _Image:
    """One image file: who, when, and ADNI's number of it."""

    path: Path
    subject: str
    day: date
    number: int | None

    @property
    def preference(self) -> tuple[bool, int, int, str]:
        """Order the images of a day: no repeat, the simplest description, the earliest number."""
        description = self.path.as_posix()
        repeat = re.search(r"MPR-R|repeat|_Scaled_2|_2/", description, re.IGNORECASE) is not None
        return repeat, len(self.path.parent.parent.parent.name), self.number or 0, description


def recognises(source: Path, files: Sequence[Path]) -> bool:
    """Tell whether an image lies below a folder named like a subject (002_S_0413), this one or up to two down."""
    if SUBJECT.match(source.resolve().name):
        return any(is_image(path) for path in files)
    return any(is_image(path) and any(map(SUBJECT.match, path.parts[:3])) for path in files)


def read(source: Path, files: Sequence[Path], table: Path | None) -> Indexed:
    """Read one image per subject and day, all visits, with the labels of the nearest visit.

    Raises:
        CohortError: if there is no image, or the named table is neither ADNIMERGE nor a collection's.
    """
    draft = LedgerDraft()
    days = _days(source, files, draft)
    if not days:
        raise CohortError(
            f"{source} holds no NIfTI image below a folder such as 002_S_0413/; for DICOM give --layout adni-dicom."
        )
    tables = read_adni_tables(source, files, table)
    used: dict[str, list[str]] = {}
    scans = tuple(_scan(images, tables, used, draft) for images in days)
    account_for_adni_rows(tables, used, {scan.subject for scan in scans}, source, draft)
    return Indexed(
        Cohort("ADNI", source, scans),
        draft.finish(files),
        tuple(_notes_on_dicom(files)),
        about=lambda used: notes_on_adni(used, tables),
    )


def _days(source: Path, files: Iterable[Path], draft: LedgerDraft) -> list[list[_Image]]:
    days: dict[tuple[str, date], list[_Image]] = {}
    for path in filter(is_image, files):
        image = _image(source, path)
        if image is None:
            draft.file(path, Verdict.REFUSED, "Its path does not say whose it is and on which day it was taken.")
        elif NO_HEAD.search(path.name) or not T1.search("/".join(path.parts[-4:])):
            draft.file(path, Verdict.SKIPPED, "Not a T1w image of a head by its name.", image.subject)
        else:
            days.setdefault((image.subject, image.day), []).append(image)
    return [sorted(images, key=lambda image: image.preference) for _, images in sorted(days.items())]


def _image(source: Path, path: Path) -> _Image | None:
    parts = (source.resolve() / path).parts[:-1]
    subject = next((part for part in reversed(parts) if SUBJECT.match(part)), None)
    dates = [found[1] for part in parts if (found := DATE.match(part))]
    day = read_day(dates[-1]) if dates else None
    numbers = [found[1] for part in (path.parent.name, path.name) if (found := IMAGE_ID.search(part))]
    if subject is None or day is None:
        return None
    return _Image(path, subject, day, int(numbers[-1]) if numbers else None)


def _scan(images: Sequence[_Image], tables: AdniTables, used: dict[str, list[str]], draft: LedgerDraft) -> Scan:
    taken, *others = images
    scan = f"{taken.subject}_{taken.day.isoformat()}"
    draft.file(taken.path, Verdict.USED, f"The T1w image of {scan}.", taken.subject)
    for other in others:
        reason = f"Another image of the day; {taken.path.name} was taken (no repeat, then the simplest description)."
        draft.file(other.path, Verdict.SKIPPED, reason, taken.subject)
    known = tables.about(taken.subject, taken.day, (image.number for image in images))
    for row in known.rows:
        used.setdefault(row.where, []).append(scan)
    draft.scan(scan, Verdict.USED, known.reason, taken.subject)
    return Scan(
        subject=taken.subject,
        name=scan,
        images={"T1w": taken.path},
        session=known.session,
        labels=known.labels,
        source=known.source or taken.path.as_posix(),
    )


def _notes_on_dicom(files: Iterable[Path]) -> list[str]:
    series = {path.parent for path in files if path.suffix.lower() == ".dcm"}
    said = (
        f"Folders of DICOM that were not read: {len(series)}; only NIfTI was. --layout adni-dicom reads these instead."
    )
    return [said] if series else []
