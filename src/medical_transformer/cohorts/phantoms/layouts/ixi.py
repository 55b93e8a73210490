"""A drawn cohort in the layout of IXI, with some of the real table's defects."""

from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import numpy as np

from medical_transformer.cohorts.phantoms.head import DrawnHead, draw_head
from medical_transformer.cohorts.phantoms.layouts.tables import write_csv
from medical_transformer.cohorts.phantoms.layouts.truths import write_truth
from medical_transformer.cohorts.phantoms.pose import Acquisition
from medical_transformer.cohorts.phantoms.storing import write_stored

COLUMNS = (
    "IXI_ID",
    "SEX_ID (1=m, 2=f)",
    "HEIGHT",
    "WEIGHT",
    "ETHNIC_ID",
    "MARITAL_ID",
    "OCCUPATION_ID",
    "QUALIFICATION_ID",
    "DOB",
    "DATE_AVAILABLE",
    "STUDY_DATE",
    "AGE",
)
SITES, SITE_SHARES = ("Guys", "HH", "IOP"), (0.57, 0.31, 0.12)
DAYS_PER_YEAR = 365.25
# Defects appear from this many subjects on; each takes a label away from one subject.
FEWEST_FOR_DEFECTS = 4

Row = dict[str, object]


@dataclass(frozen=True, slots=True)
class _Subject:
    number: int
    file_name: str
    head: DrawnHead
    row: Row


def write_ixi(
    folder: Path,
    subjects: int,
    seed: int,
    *,
    acquisition: Acquisition | None = None,
    truth_folder: Path | None = None,
) -> None:
    """Write `IXI-T1/IXI002-Guys-0828-T1.nii.gz` and so on, and `IXI.csv`.

    From four subjects on the table has defects of the real one: the second subject's row stands twice, the
    third has an empty age, the last has a scan but no row, and one row has no scan.

    Args:
        folder: where to write; it holds nothing else than the real data set's folder would.
        subjects: how many scans.
        seed: the same seed writes the same bytes.
        acquisition: how the scans are sampled; about 2 mm, stored PSR, where it is not given.
        truth_folder: where to write what is true of each scan; nowhere where it is not given.
    """
    random = np.random.default_rng([seed, 1])
    acquisition = acquisition or Acquisition()
    rows: list[Row] = []
    number = 0
    for _ in range(subjects):
        number += int(random.integers(1, 4))
        subject = _draw_subject(number, random, acquisition)
        write_stored(subject.head.volume, acquisition.axes, folder / "IXI-T1" / subject.file_name)
        if truth_folder is not None:
            write_truth(subject.head.truth, truth_folder, subject.file_name.removesuffix("-T1.nii.gz"))
        rows.append(subject.row)
    write_csv(folder / "IXI.csv", COLUMNS, _with_defects(rows, number) if subjects >= FEWEST_FOR_DEFECTS else rows)


def _draw_subject(number: int, random: np.random.Generator, acquisition: Acquisition) -> _Subject:
    head = draw_head(random, acquisition=acquisition)
    site = SITES[int(random.choice(len(SITES), p=SITE_SHARES))]
    file_name = f"IXI{number:03d}-{site}-{int(random.integers(600, 2800)):04d}-T1.nii.gz"
    return _Subject(number, file_name, head, _row(number, head, random))


def _row(number: int, head: DrawnHead, random: np.random.Generator) -> Row:
    truth, male = head.truth, head.truth.sex == "male"
    study = date(2005, 6, 1) + timedelta(days=int(random.integers(0, 500)))
    born = study - timedelta(days=round(truth.age_years * DAYS_PER_YEAR))
    return {
        "IXI_ID": number,
        "SEX_ID (1=m, 2=f)": 1 if male else 2,
        "HEIGHT": round(float(random.normal(177 if male else 164, 7))),
        "WEIGHT": round(float(random.normal(80 if male else 65, 11))),
        "ETHNIC_ID": int(random.choice([1, 1, 1, 1, 2, 3, 4])),
        "MARITAL_ID": int(random.integers(1, 6)),
        "OCCUPATION_ID": int(random.integers(1, 9)),
        "QUALIFICATION_ID": int(random.integers(1, 6)),
        "DOB": born.isoformat(),
        "DATE_AVAILABLE": 1,
        "STUDY_DATE": study.isoformat(),
        "AGE": (study - born).days / DAYS_PER_YEAR,
    }


def _with_defects(rows: list[Row], last_number: int) -> list[Row]:
    ageless = {**rows[2], "STUDY_DATE": "", "DATE_AVAILABLE": 0, "AGE": ""}
    scanless = {**rows[0], "IXI_ID": last_number + 1, "HEIGHT": 0, "WEIGHT": 0}
    return [rows[0], rows[1], rows[1], ageless, *rows[3:-1], scanless]
