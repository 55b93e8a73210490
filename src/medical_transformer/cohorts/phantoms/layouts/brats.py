"""A drawn cohort in the layout of BraTS 2020."""

from pathlib import Path

import numpy as np

from medical_transformer.cohorts.phantoms.layouts.tables import write_csv
from medical_transformer.cohorts.phantoms.layouts.truths import write_truth
from medical_transformer.cohorts.phantoms.storing import write_stored
from medical_transformer.cohorts.phantoms.tumour import DrawnTumour, draw_tumour

TRAINING_FOLDER = "MICCAI_BraTS2020_TrainingData"
SUFFIXES = {"FLAIR": "flair", "T1w": "t1", "T1ce": "t1ce", "T2w": "t2"}
STORED_AXES = "LPS"
NAME_COLUMNS = (
    "Grade",
    "BraTS_2017_subject_ID",
    "BraTS_2018_subject_ID",
    "TCGA_TCIA_subject_ID",
    "BraTS_2019_subject_ID",
    "BraTS_2020_subject_ID",
)
SURVIVAL_COLUMNS = ("Brats20ID", "Age", "Survival_days", "Extent_of_Resection")


def write_brats(
    folder: Path, cases: int, seed: int, *, spacing_mm: float = 1.0, truth_folder: Path | None = None
) -> None:
    """Write `MICCAI_BraTS2020_TrainingData` with its cases and its two tables.

    The first case is of high grade, so that the table of survival is never empty.

    Args:
        folder: where to write the training folder.
        cases: how many.
        seed: the same seed writes the same bytes.
        spacing_mm: 1 gives the real grid, 240x240x155; 2 gives 120x120x78, an eighth of the work.
        truth_folder: where to write what is true of each case; nowhere where it is not given.
    """
    random = np.random.default_rng([seed, 3])
    training = folder / TRAINING_FOLDER
    names, survival = [], []
    for number in range(1, cases + 1):
        name = f"BraTS20_Training_{number:03d}"
        case = draw_tumour(random, grade="HGG" if number == 1 else None, spacing_mm=spacing_mm)
        _write_case(case, training / name, name)
        if truth_folder is not None:
            write_truth(case.truth, truth_folder, name)
        names.append(_name_row(name, case, number))
        if case.parameters.grade == "HGG":
            survival.append(_survival_row(name, case, random))
    write_csv(training / "name_mapping.csv", NAME_COLUMNS, names)
    write_csv(training / "survival_info.csv", SURVIVAL_COLUMNS, survival)


def _write_case(case: DrawnTumour, folder: Path, name: str) -> None:
    for modality, image in case.images.items():
        write_stored(image, STORED_AXES, folder / f"{name}_{SUFFIXES[modality]}.nii.gz")
    write_stored(case.segmentation, STORED_AXES, folder / f"{name}_seg.nii.gz")


def _name_row(name: str, case: DrawnTumour, number: int) -> dict[str, object]:
    letters = "".join(chr(ord("A") + number // 26**power % 26) for power in (2, 1, 0))
    return {
        "Grade": case.parameters.grade,
        "BraTS_2017_subject_ID": f"Brats17_CBICA_{letters}_1",
        "BraTS_2018_subject_ID": f"Brats18_CBICA_{letters}_1",
        "TCGA_TCIA_subject_ID": "NA",
        "BraTS_2019_subject_ID": f"BraTS19_CBICA_{letters}_1",
        "BraTS_2020_subject_ID": name,
    }


def _survival_row(name: str, case: DrawnTumour, random: np.random.Generator) -> dict[str, object]:
    days = int(random.gamma(2.0, 220.0)) + 10
    alive = random.random() < 0.05
    return {
        "Brats20ID": name,
        "Age": case.truth.age_years,
        "Survival_days": f"ALIVE ({days} days later)" if alive else days,
        "Extent_of_Resection": str(random.choice(["GTR", "STR", "NA"])),
    }
