"""Correction of the pull to the mean on answers whose line is known."""

from dataclasses import replace

import numpy as np
import pytest

from medical_transformer.evaluation import (
    EvaluationResult,
    FoldResult,
    SubjectPrediction,
    age_bias,
    correct_age_bias,
    score,
)

LINES = {1: (0.5, 20.0), 2: (0.8, 14.0)}


def answers(fold: int, start: int, count: int = 12, noise: float = 0.0) -> list[SubjectPrediction]:
    rng = np.random.default_rng(start)
    slope, intercept = LINES[fold]
    ages = np.linspace(20, 75, count)
    return [
        SubjectPrediction(
            scan=f"s{start + k}",
            subject=f"p{start + k}",
            fold=fold,
            truth=float(age),
            prediction=float(slope * age + intercept + noise * rng.normal()),
        )
        for k, age in enumerate(ages)
    ]


def result(noise: float = 0.0, count: int = 12) -> EvaluationResult:
    tested = {1: answers(1, 0, count, noise), 2: answers(2, 1000, count, noise)}
    validated = {1: answers(1, 1000, count, noise), 2: answers(2, 0, count, noise)}
    folds = tuple(
        FoldResult(fold=k, metrics=score("regression", tested[k]), validation=tuple(validated[k])) for k in (1, 2)
    )
    return EvaluationResult(
        task="regression",
        label="age_years",
        unit="years",
        primary_metric="mae",
        predictions=(*tested[1], *tested[2]),
        folds=folds,
    )


def test_every_models_own_line_is_undone():
    corrected = correct_age_bias(result())
    assert [one.prediction for one in corrected.predictions] == pytest.approx(
        [one.truth for one in corrected.predictions]
    )
    assert [fold.metrics["mae"] for fold in corrected.folds] == pytest.approx([0.0, 0.0])


def test_the_corrected_delta_does_not_follow_the_age():
    found = age_bias([result(noise=4.0, count=200)])
    assert found.slope == pytest.approx(0.65, abs=0.02)
    assert found.delta_age_correlation < -0.6
    assert abs(found.corrected_correlation) < 0.1
    assert found.corrected_spread == pytest.approx(4.0, abs=0.3)
    # Dividing by a slope below 1 spreads the noise.
    assert found.corrected_error > 4.0 * np.sqrt(2 / np.pi) * 1.2


def test_the_correction_never_looks_at_a_tested_age():
    honest = result(noise=3.0)
    lied = replace(honest, predictions=tuple(replace(one, truth=50.0) for one in honest.predictions))
    assert [one.prediction for one in correct_age_bias(honest).predictions] == [
        one.prediction for one in correct_age_bias(lied).predictions
    ]


def test_without_validation_answers_or_with_constant_ones_there_is_no_correction():
    bare = replace(result(), folds=tuple(replace(fold, validation=()) for fold in result().folds))
    flat = replace(
        result(),
        folds=tuple(
            replace(fold, validation=tuple(replace(one, prediction=47.0) for one in fold.validation))
            for fold in result().folds
        ),
    )
    for without in (bare, flat):
        assert correct_age_bias(without) is None
        assert age_bias([result(), without]) is None
    assert age_bias([]) is None
