"""Table 2 of the paper: who the subjects of a cohort are."""

from collections.abc import Sequence

import numpy as np

from medical_transformer.cohorts import Cohort, Scan
from medical_transformer.reporting import words
from medical_transformer.reporting.comparison import published
from medical_transformer.reporting.comparison.grid import MISSING, Entry, Grid, Row
from medical_transformer.reporting.comparison.wording import OTHER_DATA

NUMBERS = {"Age (years)": "age_years", "Education (years)": "education_years", "MMSE": "mmse"}
GROUPED_BY = "diagnosis"


def table_2(cohort: Cohort, *, number: int = 1, same_data: bool = False) -> Grid:
    """Return subjects by sex, age, education and MMSE per diagnosis, and for all together.

    A subject counts once, as at the first of its scans (by session and name).

    Args:
        cohort: with the labels `diagnosis`, `sex`, `age_years`, `education_years`, `mmse`, as far as they are known.
        number: tells the tables of several cohorts apart.
        same_data: whether it is the paper's data set.
    """
    first = _first_scans(cohort)
    groups = _groups(first)
    measured = [Row(name, tuple(_entry(name, group, who, same_data) for group, who in groups)) for name in _rows(first)]
    unlabelled = sum(GROUPED_BY not in scan.labels for scan in first) if len(groups) > 1 else 0
    notes = (
        [f"{words.counted(unlabelled, 'subject')} without a diagnosis in the last column only."] if unlabelled else []
    )
    if any(entry.beside for row in measured for entry in row.entries) and not same_data:
        notes.append(OTHER_DATA)
    return Grid(
        name="table-2" if number == 1 else f"table-2-{number}",
        title=f"Table 2. Subjects of {cohort.name}",
        caption="A subject counts once, as at the first scan; mean ± standard deviation over subjects.",
        heading="Information",
        columns=tuple(f"{group}" for group, _ in groups),
        rows=tuple(measured),
        beside="paper",
        prefix="paper",
        notes=tuple(notes),
    )


def _first_scans(cohort: Cohort) -> list[Scan]:
    first: dict[str, Scan] = {}
    for scan in sorted(cohort.scans, key=lambda one: (one.session or "", one.name)):
        first.setdefault(scan.subject, scan)
    return list(first.values())


def _groups(scans: Sequence[Scan]) -> list[tuple[str, list[Scan]]]:
    """Return the diagnoses in the paper's order, then others, then everybody."""
    usual = list(published.TABLE_2)
    known = {str(scan.labels[GROUPED_BY]) for scan in scans if GROUPED_BY in scan.labels}
    order = [*(name for name in usual if name in known), *sorted(known - set(usual))]
    groups = [(name, [scan for scan in scans if scan.labels.get(GROUPED_BY) == name]) for name in order]
    return [*groups, ("All", list(scans))]


def _rows(scans: Sequence[Scan]) -> list[str]:
    """Leave out what is not known of anybody, except age."""
    known = {label for scan in scans for label in scan.labels}
    return ["Subjects (male)", *(name for name, label in NUMBERS.items() if label in known or label == "age_years")]


def _entry(name: str, group: str, scans: Sequence[Scan], same_data: bool) -> Entry:
    texts = published.TABLE_2.get(group, ("", "", "", ""))
    printed = texts[("Subjects (male)", *NUMBERS).index(name)]
    beside = f"{printed} †" if printed and not same_data else printed
    if name == "Subjects (male)":
        unknown = sum("sex" not in scan.labels for scan in scans)
        men = sum(scan.labels.get("sex") == "male" for scan in scans)
        known = unknown < len(scans)
        remark = f"sex of {unknown} unknown" if unknown and known else ""
        return Entry(f"{len(scans)} ({men if known else 'sex unknown'})", remark=remark, beside=beside)
    return _mean_entry([scan.labels.get(NUMBERS[name]) for scan in scans], beside)


def _mean_entry(values: Sequence[float | str | None], beside: str) -> Entry:
    numbers = np.array([value for value in values if isinstance(value, (int, float))])
    if not len(numbers):
        return Entry(MISSING, beside=beside)
    text = words.number(float(numbers.mean()), 2)
    if len(numbers) > 1:
        text += f" ± {words.number(float(numbers.std(ddof=1)), 2)}"
    missing = len(values) - len(numbers)
    return Entry(text, remark=f"{missing} unknown" if missing else "", beside=beside)
