"""ADNI: normal, mildly impaired and demented people over years, with ADNIMERGE and the collection's table.

An image lies at `002_S_0413/<description>/2006-05-02_12_31_52.0/S13893/ADNI_002_S_0413_MR_..._I45117.nii`; the
path says who and when but not which visit, so tables are joined by subject and date. ADNIMERGE's AGE is the
age at baseline.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

from medical_transformer.cohorts.cohort import Cohort
from medical_transformer.cohorts.files import is_image, item_of, tables_near
from medical_transformer.cohorts.indexed import Indexed, LedgerDraft, counted, listing
from medical_transformer.cohorts.labels import Label, as_sex, plausible, present
from medical_transformer.cohorts.ledger import Verdict
from medical_transformer.cohorts.people import notes_on_missing
from medical_transformer.cohorts.raw_table import RawTable, TableRow, as_whole, read_raw_table
from medical_transformer.cohorts.scan import Scan
from medical_transformer.errors import CohortError

name = "adni"

SUBJECT = re.compile(r"^\d{3}_S_\d{4,5}$")
IMAGE_ID = re.compile(r"_?I(\d+)(?:\.nii(?:\.gz)?)?$", re.IGNORECASE)
DATE = re.compile(r"^(\d{4}-\d{2}-\d{2})_\d{2}_\d{2}_\d{2}")
T1 = re.compile(r"mpr|mp-rage|mp_rage|spgr|t1", re.IGNORECASE)
NO_HEAD = re.compile(r"mask|hippocamp|segment|label", re.IGNORECASE)
DIAGNOSES = {
    **dict.fromkeys(("CN", "SMC"), "CN"),
    **dict.fromkeys(("EMCI", "LMCI", "MCI"), "MCI"),
    **dict.fromkeys(("AD", "DEMENTIA"), "AD"),
}
DAYS_PER_YEAR = 365.25
NEAREST_VISIT_DAYS = 180


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


@dataclass(frozen=True, slots=True)
class _Tables:
    """ADNIMERGE by subject, and the collection's rows by the number of the image."""

    visits: Mapping[str, Sequence[tuple[date, TableRow]]]
    collection: Mapping[int, TableRow]
    raw: tuple[RawTable, ...]


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
        raise CohortError(f"{source} holds no NIfTI image below a folder such as 002_S_0413/; convert DICOM first.")
    tables = _tables(source, files, table)
    used: set[str] = set()
    scans = tuple(_scan(images, tables, used, draft) for images in days)
    _account_for_rows(tables, used, {scan.subject for scan in scans}, source, draft)
    return Indexed(Cohort("ADNI", source, scans), draft.finish(files), tuple(_notes(scans, tables)))


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
    day = _day(dates[-1]) if dates else None
    numbers = [found[1] for part in (path.parent.name, path.name) if (found := IMAGE_ID.search(part))]
    if subject is None or day is None:
        return None
    return _Image(path, subject, day, int(numbers[-1]) if numbers else None)


def _day(text: str | None) -> date | None:
    for form in ("%Y-%m-%d", "%m/%d/%Y", "%m/%d/%y"):
        try:
            return datetime.strptime((text or "").split(" ")[0], form).date()
        except ValueError:
            continue
    return None


def _tables(source: Path, files: Iterable[Path], table: Path | None) -> _Tables:
    """Read ADNIMERGE and the collection's table, told apart by their columns, in the source and beside it."""
    paths = tables_near(source, files, table, "(?i)adni")
    raws = tuple(raw for path in paths if _kind(raw := read_raw_table(path)))
    if table and not raws:
        raise CohortError(f"{table} is neither ADNIMERGE (PTID, VISCODE) nor a collection (Image Data ID, Subject).")
    visits: dict[str, list[tuple[date, TableRow]]] = {}
    collection: dict[int, TableRow] = {}
    for raw in raws:
        for row in raw.rows:
            day, number = _day(row.text("EXAMDATE")), as_whole((row.text("Image Data ID") or "").lstrip("I"))
            if _kind(raw) == "visits" and day:
                visits.setdefault(row.text("PTID") or "", []).append((day, row))
            elif _kind(raw) == "collection" and number is not None:
                collection[number] = row
    return _Tables(visits, collection, raws)


def _kind(table: RawTable) -> str | None:
    columns = set(table.columns)
    if {"PTID", "VISCODE", "EXAMDATE"} <= columns:
        return "visits"
    return "collection" if {"Image Data ID", "Subject"} <= columns else None


def _scan(images: Sequence[_Image], tables: _Tables, used: set[str], draft: LedgerDraft) -> Scan:
    taken, *others = images
    scan = f"{taken.subject}_{taken.day.isoformat()}"
    draft.file(taken.path, Verdict.USED, f"The T1w image of {scan}.", taken.subject)
    for other in others:
        reason = f"Another image of the day; {taken.path.name} was taken (no repeat, then the simplest description)."
        draft.file(other.path, Verdict.SKIPPED, reason, taken.subject)
    listed = _listed(images, tables)
    visits = tables.visits.get(taken.subject, ())
    visit = _nearest(visits, taken.day)
    labels = _labels(taken.day, listed, visits, visit)
    rows = [row for row in (visit, _baseline(visits), listed) if row]
    used.update(row.where for row in rows)
    draft.scan(scan, Verdict.USED, _known(labels, rows), taken.subject)
    return Scan(
        subject=taken.subject,
        name=scan,
        images={"T1w": taken.path},
        session=(visit.text("VISCODE") if visit else None) or (listed.text("Visit") if listed else None),
        labels=labels,
        source=", ".join(dict.fromkeys(row.where for row in rows)) or taken.path.as_posix(),
    )


def _known(labels: Mapping[str, Label], rows: Sequence[TableRow]) -> str:
    if not rows:
        return "Kept without labels: no table has a row for it."
    missing = [label for label in ("age_years", "sex", "diagnosis") if label not in labels]
    return f"Kept without {' and '.join(missing)}: the tables do not say." if missing else "Indexed with labels."


def _listed(images: Sequence[_Image], tables: _Tables) -> TableRow | None:
    """Return the collection's row of the image that was taken, or of another one of the day."""
    numbers = (image.number for image in images if image.number is not None)
    return next((tables.collection[number] for number in numbers if number in tables.collection), None)


def _nearest(visits: Sequence[tuple[date, TableRow]], day: date) -> TableRow | None:
    """Return the visit nearest to a day, if within half a year."""
    near = [(abs((when - day).days), row.number, row) for when, row in visits]
    distance, _, row = min(near, default=(NEAREST_VISIT_DAYS + 1, 0, None))
    return row if distance <= NEAREST_VISIT_DAYS else None


def _baseline(visits: Sequence[tuple[date, TableRow]]) -> TableRow | None:
    return next((row for _, row in visits if row.text("VISCODE") == "bl"), None)


def _labels(
    day: date, listed: TableRow | None, visits: Sequence[tuple[date, TableRow]], visit: TableRow | None
) -> dict[str, Label]:
    someone = _baseline(visits) or visit
    return present(
        {
            "age_years": _age(day, someone, listed),
            "sex": as_sex(someone.text("PTGENDER") if someone else None)
            or as_sex(listed.text("Sex") if listed else None),
            "diagnosis": _diagnosis(visit, listed),
            "mmse": plausible("mmse", visit.number_in("MMSE")) if visit else None,
            "education_years": plausible("education_years", someone.number_in("PTEDUCAT")) if someone else None,
        }
    )


def _age(day: date, someone: TableRow | None, listed: TableRow | None) -> float | None:
    """Return the age at the scan: AGE is at baseline, so the years since are added."""
    age = plausible("age_years", someone.number_in("AGE")) if someone else None
    is_baseline = someone is not None and someone.text("VISCODE") == "bl"
    start = (
        _day(someone.text("EXAMDATE_bl") or (someone.text("EXAMDATE") if is_baseline else None)) if someone else None
    )
    if age is not None and start is not None:
        return round(age + (day - start).days / DAYS_PER_YEAR, 3)
    return plausible("age_years", listed.number_in("Age")) if listed else None


def _diagnosis(visit: TableRow | None, listed: TableRow | None) -> str | None:
    """Return CN, MCI or AD at the visit; at baseline DX_bl where DX is empty; else the collection's group."""
    if visit is not None:
        at_baseline = visit.text("DX_bl") if visit.text("VISCODE") == "bl" else None
        return DIAGNOSES.get((visit.text("DX") or at_baseline or "").upper())
    return DIAGNOSES.get((listed.text("Group") or "").upper()) if listed else None


def _account_for_rows(tables: _Tables, used: set[str], subjects: set[str], source: Path, draft: LedgerDraft) -> None:
    for table in tables.raw:
        draft.file(item_of(table.path, source), Verdict.USED, f"The table of labels, {len(table.rows)} rows.")
        for row in table.rows:
            subject = row.text("PTID", "Subject") or ""
            if row.where in used:
                draft.row(row, Verdict.USED, "Gave labels to a scan of this subject.", subject)
            elif subject in subjects:
                draft.row(row, Verdict.SKIPPED, "No scan that was taken belongs to this row.", subject)
            else:
                draft.row(row, Verdict.SKIPPED, "No image of this subject is here.", subject)


def _notes(scans: Sequence[Scan], tables: _Tables) -> list[str]:
    subjects = {scan.subject for scan in scans}
    baseline = sum((scan.session or "").casefold() in {"bl", "sc", "scmri"} for scan in scans)
    notes = [
        f"{counted(scans, 'scan')} of {counted(subjects, 'subject')}, every visit taken; {baseline} are of the "
        "baseline visit (session bl or sc); --where session=bl,sc takes these alone.",
        "Diagnoses CN and SMC were read as CN; EMCI, LMCI and MCI as MCI; AD and Dementia as AD.",
    ]
    if not any(_kind(table) == "visits" for table in tables.raw):
        notes.append(
            "ADNIMERGE was not found, so the diagnosis is the group of the collection's table: the one at "
            "enrolment, not at the visit."
        )
    groups = Counter(str(scan.labels.get("diagnosis", "unknown")) for scan in scans)
    notes.append(f"Scans per diagnosis: {listing(f'{group} {count}' for group, count in sorted(groups.items()))}.")
    return notes + notes_on_missing(scans, ("age_years", "sex", "diagnosis"))
