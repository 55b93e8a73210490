"""A drawn cohort in the layout of ADNI, with its two tables."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np

from medical_transformer.cohorts.phantoms.head import DrawnHead, render_head
from medical_transformer.cohorts.phantoms.layouts.adni_columns import COLLECTION_COLUMNS, MERGE_COLUMNS
from medical_transformer.cohorts.phantoms.layouts.tables import write_csv
from medical_transformer.cohorts.phantoms.layouts.truths import write_truth
from medical_transformer.cohorts.phantoms.parameters import SEED_LIMIT, Diagnosis, HeadParameters, draw_parameters
from medical_transformer.cohorts.phantoms.pose import Acquisition
from medical_transformer.cohorts.phantoms.storing import write_stored

DIAGNOSES: tuple[Diagnosis, ...] = ("CN", "MCI", "AD")
DIAGNOSIS_SHARES = (0.37, 0.37, 0.26)
WORD_OF_VISIT: dict[Diagnosis, str] = {"CN": "CN", "MCI": "MCI", "AD": "Dementia"}
MMSE: dict[Diagnosis, tuple[float, float]] = {"CN": (29.1, 1.0), "MCI": (27.3, 1.7), "AD": (23.2, 2.1)}
DESCRIPTION = "MPR; GradWarp; B1 Correction; N3; Scaled"
COLLECTION_NAME = "ADNI1_Complete_1Yr_1.5T_{}.csv"
DAYS_PER_MONTH = 30.44

Row = dict[str, object]


@dataclass(frozen=True, slots=True)
class Patient:
    """One subject of the study and what does not change between visits."""

    rid: int
    ptid: str
    word_at_baseline: str
    first_exam: datetime
    education_years: int
    mmse: int
    parameters: HeadParameters


@dataclass(frozen=True, slots=True)
class Visit:
    """One visit and its image."""

    code: str
    months: int
    exam: datetime
    series: int
    image: int
    head: DrawnHead


def write_adni(
    folder: Path,
    subjects: int,
    seed: int,
    *,
    acquisition: Acquisition | None = None,
    truth_folder: Path | None = None,
) -> None:
    """Write `ADNI/<PTID>/<description>/<date>/S<series>/ADNI_..._I<uid>.nii`, `ADNIMERGE.csv` and the collection.

    The second subject has two visits, `bl` and `m12`; every third subject's leaf folder is named by the
    image (`I<uid>`, as new downloads are), the others by the series.

    Args:
        folder: where to write.
        subjects: how many people.
        seed: the same seed writes the same bytes.
        acquisition: how the scans are sampled; 2 mm, stored ASR, where it is not given.
        truth_folder: where to write what is true of each scan; nowhere where it is not given.
    """
    random = np.random.default_rng([seed, 2])
    acquisition = acquisition or Acquisition(spacing_mm=(2.0, 2.0, 2.0), axes="ASR")
    merge: list[Row] = []
    collection: list[Row] = []
    for index in range(subjects):
        patient = _draw_patient(index, random)
        for months in (0, 12) if index == 1 else (0,):
            visit = _draw_visit(patient, months, random, acquisition)
            path = folder / image_path(patient, visit, by_image=index % 3 == 2)
            write_stored(visit.head.volume, acquisition.axes, path)
            if truth_folder is not None:
                write_truth(visit.head.truth, truth_folder, f"{patient.ptid}_I{visit.image}")
            merge.append(_merge_row(patient, visit))
            collection.append(_collection_row(patient, visit))
    write_csv(folder / "ADNIMERGE.csv", MERGE_COLUMNS, merge, quote_all=True)
    write_csv(folder / COLLECTION_NAME.format("4_21_2024"), COLLECTION_COLUMNS, collection, quote_all=True)


def image_path(patient: Patient, visit: Visit, *, by_image: bool) -> Path:
    """Return the path of a visit's image, relative to the folder that holds `ADNI`."""
    description = DESCRIPTION.replace("; ", "__").replace(" ", "_")
    leaf = f"I{visit.image}" if by_image else f"S{visit.series}"
    processed = (visit.exam + timedelta(days=200)).strftime("%Y%m%d%H%M%S") + "358"
    name = f"ADNI_{patient.ptid}_MR_{description}_Br_{processed}_S{visit.series}_I{visit.image}.nii"
    return Path("ADNI", patient.ptid, description, visit.exam.strftime("%Y-%m-%d_%H_%M_%S.0"), leaf, name)


def _draw_patient(index: int, random: np.random.Generator) -> Patient:
    diagnosis = DIAGNOSES[index] if index < 3 else DIAGNOSES[int(random.choice(3, p=DIAGNOSIS_SHARES))]
    age = round(float(np.clip(random.normal(73.5, 7.5), 55.0, 90.0)), 1)
    parameters = draw_parameters(random, age_years=age, diagnosis=diagnosis)
    rid = int(random.integers(index * 20 + 2, index * 20 + 22))
    mean, spread = MMSE[diagnosis]
    stage = random.choice(["EMCI", "LMCI"])
    return Patient(
        rid=rid,
        ptid=f"{int(random.integers(2, 142)):03d}_S_{rid:04d}",
        word_at_baseline=str(stage) if diagnosis == "MCI" else diagnosis,
        first_exam=datetime(2006, 1, 9, 9, 0)
        + timedelta(days=int(random.integers(600)), minutes=int(random.integers(540))),
        education_years=int(np.clip(round(random.normal(16.0, 2.8)), 6, 20)),
        mmse=int(np.clip(round(random.normal(mean, spread)), 18, 30)),
        parameters=parameters,
    )


def _draw_visit(patient: Patient, months: int, random: np.random.Generator, acquisition: Acquisition) -> Visit:
    exam = patient.first_exam + timedelta(days=round(months * DAYS_PER_MONTH))
    parameters = _later(patient.parameters, months / 12, random)
    return Visit(
        code="bl" if months == 0 else f"m{months:02d}",
        months=months,
        exam=exam.replace(second=int(random.integers(0, 60))),
        series=int(random.integers(10_000, 99_999)),
        image=int(random.integers(30_000, 999_999)),
        head=render_head(parameters, acquisition),
    )


def _later(parameters: HeadParameters, years: float, random: np.random.Generator) -> HeadParameters:
    """Return the same person some years later, lying a little differently in the scanner."""
    if years == 0:
        return parameters
    left, right = (max(share - 0.02 * years, 0.2) for share in parameters.hippocampus_left_over)
    first, second, third = (shift + float(random.normal(0, 2)) for shift in parameters.pose.shift_mm)
    return replace(
        parameters,
        age_years=parameters.age_years + years,
        ventricle_growth_mm=parameters.ventricle_growth_mm + 0.15 * years,
        hippocampus_left_over=(left, right),
        pose=replace(parameters.pose, shift_mm=(first, second, third)),
        image_seed=int(random.integers(SEED_LIMIT)),
    )


def _merge_row(patient: Patient, visit: Visit) -> Row:
    volumes, years = visit.head.truth.volumes_ml, visit.months / 12
    exam, first = visit.exam.date().isoformat(), patient.first_exam.date().isoformat()
    scored = {"MMSE": patient.mmse, "MMSE_bl": patient.mmse, "PTEDUCAT": patient.education_years}
    sized = {
        "Ventricles": round(volumes["ventricles"] * 1000),
        "Hippocampus": round((volumes["hippocampus_left"] + volumes["hippocampus_right"]) * 1000),
        "WholeBrain": round((volumes["grey"] + volumes["white"]) * 1000),
        "ICV": round(volumes["brain"] * 1000),
    }
    timed = {"Years_bl": years, "Month_bl": visit.months, "Month": visit.months, "M": visit.months}
    return {
        "RID": patient.rid,
        "COLPROT": "ADNI1",
        "ORIGPROT": "ADNI1",
        "PTID": patient.ptid,
        "SITE": int(patient.ptid[:3]),
        "VISCODE": visit.code,
        "EXAMDATE": exam,
        "DX_bl": patient.word_at_baseline,
        "AGE": patient.parameters.age_years,
        "PTGENDER": patient.parameters.sex.capitalize(),
        "FLDSTRENG": "1.5 Tesla MRI",
        "IMAGEUID": visit.image,
        "DX": WORD_OF_VISIT[patient.parameters.diagnosis],
        "EXAMDATE_bl": first,
        "update_stamp": "2023-08-17 22:10:00.0",
        **scored,
        **sized,
        **timed,
    }


def _collection_row(patient: Patient, visit: Visit) -> Row:
    exam = visit.exam
    return {
        "Image Data ID": f"I{visit.image}",
        "Subject": patient.ptid,
        "Group": patient.word_at_baseline,
        "Sex": "M" if patient.parameters.sex == "male" else "F",
        "Age": int(patient.parameters.age_years + visit.months / 12),
        "Visit": visit.code,
        "Modality": "MRI",
        "Description": DESCRIPTION,
        "Type": "Processed",
        "Acq Date": f"{exam.month}/{exam.day}/{exam.year}",
        "Format": "NiFTI",
        "Downloaded": "",
    }
