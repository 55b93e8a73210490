"""Scores of many resamples at once against the same scores one by one."""

from dataclasses import replace

import numpy as np
import pytest

from medical_transformer.evaluation import SubjectPrediction
from medical_transformer.evaluation.scoring import prepare

CLASSES = ("CN", "MCI", "AD")


def numbers(count: int = 31) -> list[SubjectPrediction]:
    rng = np.random.default_rng(3)
    truth = rng.uniform(20, 86, count).round()
    answers = (0.6 * truth + rng.normal(10, 6, count)).round()
    return [
        SubjectPrediction(scan=f"s{k}", subject=f"p{k}", fold=1, truth=float(a), prediction=float(b))
        for k, (a, b) in enumerate(zip(truth, answers, strict=True))
    ]


def classes(count: int = 31) -> list[SubjectPrediction]:
    rng = np.random.default_rng(4)
    chances = rng.dirichlet((1.0, 1.0, 1.0), count).round(1) + 0.05  # rounded, so that scores are tied
    return [
        SubjectPrediction(
            scan=f"s{k}",
            subject=f"p{k}",
            fold=1,
            truth=CLASSES[rng.choice(3, p=(0.6, 0.3, 0.1))],
            prediction=CLASSES[int(row.argmax())],
            probabilities=dict(zip(CLASSES, map(float, row), strict=True)),
        )
        for k, row in enumerate(chances)
    ]


def overlaps(count: int = 31) -> list[SubjectPrediction]:
    rng = np.random.default_rng(5)
    values = rng.uniform(size=count)
    values[3] = np.nan
    rows = numbers(count)
    return [
        replace(one, truth=None, prediction="", metrics={"dice_WT": float(value)})
        for one, value in zip(rows, values, strict=True)
    ]


@pytest.mark.parametrize(
    ("task", "predictions"), [("regression", numbers()), ("classification", classes()), ("segmentation", overlaps())]
)
def test_every_score_of_a_resample_is_that_of_the_scans_drawn(task, predictions):
    scorable = prepare(task, predictions, CLASSES if task == "classification" else ())
    draws = np.random.default_rng(6).integers(31, size=(40, 31))
    draws[0] = 7  # one scan alone, on which correlations and areas are undefined
    weights = np.array([np.bincount(draw, minlength=31) for draw in draws])
    for name, statistic in scorable.statistics.items():
        one_by_one = [statistic(draw) for draw in draws]
        assert statistic.drawn(weights) == pytest.approx(one_by_one, nan_ok=True), name
