"""ADNI's tables: ADNIMERGE, a row per visit, and a row per image, of a collection or a search of the archive.

They are joined by subject and day.

ADNIMERGE's AGE is the age at baseline, and its diagnosis of a demented person is `Dementia`.
"""

import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

from medical_transformer.cohorts.files import item_of, tables_near
from medical_transformer.cohorts.indexed import LedgerDraft, counted, listing
from medical_transformer.cohorts.label_cells import (
    LabelColumn,
    LabelColumns,
    coded_column,
    notes_on_columns,
    number_column,
    sex_column,
)
from medical_transformer.cohorts.labels import Label, present
from medical_transformer.cohorts.ledger import KEPT_WITHOUT, Verdict
from medical_transformer.cohorts.people import notes_on_missing, why_no_scan, with_left_out
from medical_transformer.cohorts.raw_table import RawTable, TableRow, as_whole, read_raw_table
from medical_transformer.cohorts.scan import BASELINE, Scan
from medical_transformer.errors import CohortError

SUBJECT = re.compile(r"^\d{3}_S_\d{4,5}$")
IMAGE_ID = re.compile(r"_?I(\d+)(?:\.nii(?:\.gz)?)?$", re.IGNORECASE)
DATE = re.compile(r"^(\d{4}-\d{2}-\d{2})_\d{2}_\d{2}_\d{2}")
DIAGNOSES = {
    **dict.fromkeys(("CN", "SMC"), "CN"),
    **dict.fromkeys(("EMCI", "LMCI", "MCI"), "MCI"),
    **dict.fromkeys(("AD", "DEMENTIA"), "AD"),
}
# The table of a collection, and the one that a search exports (`idaSearch_11_23_2026.csv`), in this order.
IMAGE_COLUMNS = ("Image Data ID", "Image ID")
SUBJECT_COLUMNS = ("Subject", "Subject ID")
GROUP_COLUMNS = ("Group", "Research Group")
# How a search spells the first visits: `ADNI Screening`, `ADNI2 Baseline-New Pt`.
FIRST_VISITS = {"screening": "sc", "baseline": "bl"}
DAYS_PER_YEAR = 365.25
NEAREST_VISIT_DAYS = 180


def _of_diagnosis(name: str, label: str = "diagnosis") -> LabelColumn:
    known = ", ".join(DIAGNOSES).replace("DEMENTIA", "Dementia")
    return coded_column(name, label, lambda cell: DIAGNOSES.get(cell.upper()), known)


# What the rows of either table say: of ADNIMERGE, where AGE is at baseline, then of the images.
COLUMNS = LabelColumns(
    (
        number_column("AGE", "age_years"),
        sex_column("PTGENDER"),
        _of_diagnosis("DX"),
        _of_diagnosis("DX_bl", "diagnosis_at_baseline"),
        number_column("MMSE", "mmse"),
        number_column("PTEDUCAT", "education_years"),
        number_column("Age", "age_years"),
        sex_column("Sex"),
        *map(_of_diagnosis, reversed(GROUP_COLUMNS)),
    )
)


@dataclass(frozen=True, slots=True)
class AdniTables:
    """ADNIMERGE by subject, and rows per image, of a collection or a search, by the number of the image."""

    visits: Mapping[str, Sequence[tuple[date, TableRow]]]
    collection: Mapping[int, TableRow]
    raw: tuple[RawTable, ...]

    def about(self, subject: str, day: date, numbers: Iterable[int | None]) -> "Known":
        """Return what is known of a scan, by its subject, its day and ADNI's numbers of the images of that day."""
        listed = next((self.collection[one] for one in numbers if one is not None and one in self.collection), None)
        visits = self.visits.get(subject, ())
        visit = _nearest(visits, day)
        rows = [row for row in (visit, _baseline(visits), listed) if row]
        session = (visit.text("VISCODE") if visit else None) or _visit(listed)
        return Known(_labels(day, listed, visits, visit), session, tuple(rows))


@dataclass(frozen=True, slots=True)
class Known:
    """What the tables say of one scan: labels, the visit, and the rows that said so."""

    labels: Mapping[str, Label]
    session: str | None
    rows: tuple[TableRow, ...]

    @property
    def source(self) -> str:
        """The rows, as the ledger calls them; empty where there is none."""
        return ", ".join(dict.fromkeys(row.where for row in self.rows))

    @property
    def reason(self) -> str:
        """The ledger's sentence about the labels."""
        if not self.rows:
            return f"{KEPT_WITHOUT} labels: no table has a row for it."
        missing = [label for label in ("age_years", "sex", "diagnosis") if label not in self.labels]
        return f"{KEPT_WITHOUT} {' and '.join(missing)}: the tables do not say." if missing else "Indexed with labels."


def read_day(text: str | None) -> date | None:
    """Return a day as either table, or a folder, writes it; None where it is none."""
    for form in ("%Y-%m-%d", "%m/%d/%Y", "%m/%d/%y"):
        try:
            return datetime.strptime((text or "").split(" ")[0], form).date()
        except ValueError:
            continue
    return None


def read_adni_tables(source: Path, files: Iterable[Path], table: Path | None) -> AdniTables:
    """Read ADNIMERGE and the collection's table, told apart by their columns, in the source and beside it.

    Raises:
        CohortError: if the named table is neither.
    """
    paths = tables_near(source, files, table, "(?i)adni|idasearch")
    raws = tuple(raw for path in paths if _kind(raw := read_raw_table(path)))
    if table and not raws:
        raise CohortError(
            f"{table} is neither ADNIMERGE (PTID, VISCODE, EXAMDATE) nor a collection (Image Data ID, Subject) "
            "nor a search (Image ID, Subject ID)."
        )
    visits: dict[str, list[tuple[date, TableRow]]] = {}
    collection: dict[int, TableRow] = {}
    for raw in raws:
        for row in raw.rows:
            day, number = read_day(row.text("EXAMDATE")), as_whole((row.text(*IMAGE_COLUMNS) or "").lstrip("I"))
            if _kind(raw) == "visits" and day:
                visits.setdefault(row.text("PTID") or "", []).append((day, row))
            elif _kind(raw) == "collection" and number is not None:
                collection[number] = row
    return AdniTables(visits, collection, raws)


def _visit(listed: TableRow | None) -> str | None:
    """Return the visit of an image's row, a first one by the code that ADNIMERGE and collections have for it."""
    said = listed.text("Visit") if listed else None
    return next((code for word, code in FIRST_VISITS.items() if word in (said or "").casefold()), said)


def _kind(table: RawTable) -> str | None:
    columns = set(table.columns)
    if {"PTID", "VISCODE", "EXAMDATE"} <= columns:
        return "visits"
    per_image = any(columns.issuperset(pair) for pair in zip(IMAGE_COLUMNS, SUBJECT_COLUMNS, strict=True))
    return "collection" if per_image else None


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
            "sex": _said(someone).get("sex") or _said(listed).get("sex"),
            "diagnosis": _diagnosis(visit, listed),
            "mmse": _said(visit).get("mmse"),
            "education_years": _said(someone).get("education_years"),
        }
    )


def _said(row: TableRow | None) -> dict[str, Label]:
    return COLUMNS.read(row) if row else {}


def _age(day: date, someone: TableRow | None, listed: TableRow | None) -> Label | None:
    """Return the age at the scan: AGE is at baseline, so the years since are added."""
    age = _said(someone).get("age_years")
    is_baseline = someone is not None and someone.text("VISCODE") == "bl"
    start = (
        read_day(someone.text("EXAMDATE_bl") or (someone.text("EXAMDATE") if is_baseline else None))
        if someone
        else None
    )
    if isinstance(age, float) and start is not None:
        return round(age + (day - start).days / DAYS_PER_YEAR, 3)
    return _said(listed).get("age_years")


def _diagnosis(visit: TableRow | None, listed: TableRow | None) -> Label | None:
    """Return CN, MCI or AD at the visit; at baseline DX_bl where DX is empty; else the collection's group."""
    if visit is None:
        return _said(listed).get("diagnosis")
    at_enrolment = visit.text("DX") is None and visit.text("VISCODE") == "bl"
    return _said(visit).get("diagnosis_at_baseline" if at_enrolment else "diagnosis")


def account_for_adni_rows(
    tables: AdniTables, used: Mapping[str, Collection[str]], subjects: set[str], source: Path, draft: LedgerDraft
) -> None:
    """Say what became of each row of the tables.

    Args:
        tables: the tables.
        used: row, as the ledger calls it, to the names of the scans it gave labels to.
        subjects: those of whom a scan was taken.
        source: the folder that is indexed.
        draft: the ledger to say it in.
    """
    for table in tables.raw:
        draft.file(item_of(table.path, source), Verdict.USED, f"The table of labels, {counted(table.rows, 'row')}.")
        for row in table.rows:
            subject, verdict = row.text("PTID", *SUBJECT_COLUMNS) or "", Verdict.SKIPPED
            if row.where in used:
                verdict, reason = Verdict.USED, "Gave labels to a scan of this subject."
            elif subject in subjects:
                reason = "No scan that was taken belongs to this row."
            else:
                reason = why_no_scan(draft.met(subject))
            draft.row(row, verdict, with_left_out(reason, COLUMNS.left_out(row)), subject, used.get(row.where, ()))


def notes_on_adni(scans: Sequence[Scan], tables: AdniTables) -> list[str]:
    """Say which visits were taken, how diagnoses were read, and what is missing."""
    subjects = {scan.subject for scan in scans}
    baseline = sum((scan.session or "").casefold() in BASELINE for scan in scans)
    notes = [
        f"{counted(scans, 'scan')} of {counted(subjects, 'subject')}; {baseline} "
        f"{'is' if baseline == 1 else 'are'} of the baseline visit (session bl or sc). "
        "Every visit is taken; --where session=bl,sc takes the baseline alone.",
    ]
    if not tables.raw:
        return [*notes, "Neither ADNIMERGE nor a table of images was found, so there are no labels; --table names one."]
    notes.append("Diagnoses CN and SMC were read as CN; EMCI, LMCI and MCI as MCI; AD and Dementia as AD.")
    if not any(_kind(table) == "visits" for table in tables.raw):
        notes.append(
            "ADNIMERGE was not found, so the diagnosis is the group in the table of the images: the one at "
            "enrolment, not at the visit."
        )
    groups = Counter(str(scan.labels.get("diagnosis", "unknown")) for scan in scans)
    notes.append(f"Scans per diagnosis: {listing(f'{group} {count}' for group, count in sorted(groups.items()))}.")
    notes += notes_on_missing(scans, ("age_years", "sex", "diagnosis"))
    return [*notes, *(note for table in tables.raw for note in notes_on_columns(table, COLUMNS))]
