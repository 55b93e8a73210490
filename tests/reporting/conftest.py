"""Drawn results of the three tasks: seeded, plausible, and nobody's data."""

import numpy as np
import pytest

from medical_transformer.evaluation import (
    EpochRecord,
    EvaluationResult,
    FoldResult,
    SubjectPrediction,
    score,
)
from medical_transformer.volumes import Grid, Volume

FOLDS = 5
CLASSES = ("CN", "MCI", "AD")
ABOUT = {
    "cohort": "Drawn cohort of 140 subjects",
    "command": "medtrans evaluate runs/age --folds 5",
    "commit": "0123abc",
    "seed": "7",
    "versions": "torch 2.9, numpy 2.3",
}


def history(rng: np.random.Generator, start: float, end: float, epochs: int = 40) -> tuple[EpochRecord, ...]:
    decay = end + (start - end) * np.exp(-np.arange(epochs) / 8)
    training = decay * rng.normal(1, 0.03, epochs)
    validation = (decay + 0.004 * start * np.arange(epochs) / 4) * rng.normal(1.05, 0.05, epochs)
    return tuple(
        EpochRecord(
            epoch=k + 1,
            training_loss=float(training[k]),
            validation_loss=float(validation[k]),
            learning_rate=1e-4 * 0.99**k,
            seconds=12.0,
        )
        for k in range(epochs)
    )


def folds_of(task: str, predictions: list[SubjectPrediction], classes: tuple[str, ...], start: float):
    rng = np.random.default_rng(11)
    found = []
    for fold in sorted({one.fold for one in predictions}):
        records = history(rng, start, start * 0.2)
        best = min(records, key=lambda record: record.validation_loss).epoch
        metrics = score(task, [one for one in predictions if one.fold == fold], classes)
        sizes = {"train": 84, "validation": 28, "test": 28}
        found.append(FoldResult(fold=fold, metrics=metrics, history=records, best_epoch=best, sizes=sizes))
    return tuple(found)


@pytest.fixture(scope="session")
def age_result() -> EvaluationResult:
    rng = np.random.default_rng(1)
    truth = rng.uniform(20, 86, 140).round(1)
    predicted = 0.78 * truth + 11 + rng.normal(0, 4.5, 140)
    predictions = [
        SubjectPrediction(
            scan=f"IXI{k:03d}_T1", subject=f"IXI{k:03d}", fold=k % FOLDS, truth=float(a), prediction=float(b)
        )
        for k, (a, b) in enumerate(zip(truth, predicted, strict=True))
    ]
    return EvaluationResult(
        task="regression",
        label="age_years",
        unit="years",
        primary_metric="mae",
        predictions=tuple(predictions),
        folds=folds_of("regression", predictions, (), 60.0),
        parameters=2_401_000,
        about=ABOUT,
    )


@pytest.fixture(scope="session")
def diagnosis_result() -> EvaluationResult:
    rng = np.random.default_rng(2)
    predictions = []
    for k in range(150):
        truth = int(rng.choice(3, p=(0.4, 0.4, 0.2)))
        logits = rng.normal(0, 1.1, 3) + 1.3 * np.eye(3)[truth] + 0.5 * np.eye(3)[min(truth + 1, 2)]
        chances = np.exp(logits) / np.exp(logits).sum()
        predictions.append(
            SubjectPrediction(
                scan=f"sub-{k:03d}_ses-M00",
                subject=f"sub-{k:03d}",
                fold=k % FOLDS,
                truth=CLASSES[truth],
                prediction=CLASSES[int(chances.argmax())],
                probabilities={name: float(chance) for name, chance in zip(CLASSES, chances, strict=True)},
            )
        )
    return EvaluationResult(
        task="classification",
        label="diagnosis",
        classes=CLASSES,
        primary_metric="mauc",
        predictions=tuple(predictions),
        folds=folds_of("classification", predictions, CLASSES, 1.1),
        parameters=2_402_000,
        about=ABOUT,
    )


@pytest.fixture(scope="session")
def tumour_result() -> EvaluationResult:
    rng = np.random.default_rng(3)
    predictions = []
    for k in range(60):
        scores = {"dice_WT": rng.beta(14, 3), "dice_TC": rng.beta(5, 2.6), "dice_ET": rng.beta(3, 2.4)}
        scores |= {f"hausdorff95_mm_{name}": 40 * rng.beta(1.5, 6) for name in ("WT", "TC", "ET")}
        predictions.append(
            SubjectPrediction(
                scan=f"BraTS20_{k:03d}",
                subject=f"BraTS20_{k:03d}",
                fold=k % FOLDS,
                truth=None,
                prediction=f"BraTS20_{k:03d}.nii.gz",
                metrics={name: float(value) for name, value in scores.items()},
            )
        )
    return EvaluationResult(
        task="segmentation",
        label="tumour",
        classes=("WT", "TC", "ET"),
        primary_metric="dice_WT",
        predictions=tuple(predictions),
        folds=folds_of("segmentation", predictions, (), 0.9),
        parameters=2_410_000,
        about=ABOUT,
    )


@pytest.fixture(scope="session")
def drawn_head() -> tuple[Volume, Volume, Volume]:
    """Return a drawn head with a tumour on the subject's left, its true and its predicted label map."""
    shape = (46, 58, 50)
    right, anterior, superior = np.meshgrid(*(np.linspace(-1, 1, side) for side in shape), indexing="ij")
    radius = np.sqrt((right / 0.86) ** 2 + (anterior / 0.92) ** 2 + (superior / 0.9) ** 2)
    folds = 0.12 * np.sin(14 * right) * np.sin(12 * anterior) * np.sin(13 * superior)
    voxels = np.where(radius < 1, 0.75 - 0.35 * (radius < 0.8) * radius + folds, 0.0)
    voxels[(np.abs(right) < 0.16) & (np.abs(anterior) < 0.3) & (np.abs(superior) < 0.15)] = 0.12
    grid = Grid(shape, np.diag([3.4, 3.3, 3.1, 1.0]))

    def ball(shift: float, size: float):
        away = (right + 0.34 + shift) ** 2 + (anterior - 0.25) ** 2 + (superior - 0.2 - shift) ** 2
        return np.select([away < (size / 3) ** 2, away < (size / 1.8) ** 2, away < size**2], [1, 4, 2], 0)

    truth, predicted = ball(0.0, 0.36).astype(np.int16), ball(0.04, 0.33).astype(np.int16)
    voxels = np.where(truth == 2, voxels + 0.15, voxels) + 0.2 * (truth == 4)
    return Volume(voxels.astype(np.float32), grid), Volume(truth, grid), Volume(predicted, grid)
