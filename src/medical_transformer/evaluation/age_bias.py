"""Regression to the mean of predicted ages, and what is left when it is corrected.

A model that is unsure answers near the mean age, so the young are answered too old and the old too young. Two
corrections are usual (de Lange and Cole, NeuroImage: Clinical 26, 2020), both from a line fitted where the model was
not trained: of the answer itself, and of the *brain age delta*, answer minus age. Here the line is fitted on each
model's validation answers and applied to the test answers of the same model.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from medical_transformer.evaluation.metrics import pearson
from medical_transformer.evaluation.predictions import FoldResult, SubjectPrediction
from medical_transformer.evaluation.results import EvaluationResult
from medical_transformer.evaluation.scoring import score

LEAST_SLOPE = 0.1


@dataclass(frozen=True, slots=True)
class AgeLine:
    """`answer = slope * age + intercept`, as fitted on the validation answers of one model."""

    slope: float
    intercept: float


@dataclass(frozen=True, slots=True, kw_only=True)
class AgeBias:
    """Deltas of one or more seeds' test answers before and after correction; means over seeds.

    Attributes:
        error: mean absolute error of the answers as they are.
        corrected_error: of the corrected answers, `(answer - intercept) / slope`; needs no age.
        slope: mean of the fitted slopes; 1 is no regression to the mean.
        delta_age_correlation: of delta and age, as answered.
        corrected_correlation: of the corrected delta and age.
        delta_spread: standard deviation of the delta.
        corrected_spread: of the corrected delta, `delta - ((slope - 1) * age + intercept)`; needs the age.
    """

    error: float
    corrected_error: float
    slope: float
    delta_age_correlation: float
    corrected_correlation: float
    delta_spread: float
    corrected_spread: float


def fit_age_line(validation: Sequence[SubjectPrediction]) -> AgeLine | None:
    """Fit the line of answers on truth by least squares.

    Returns:
        None where it cannot be told or not be undone: fewer than three answers with a truth, a truth that does
        not vary, or a slope below `LEAST_SLOPE`, that is answers that hardly follow the age.
    """
    truth, answered = _numbers(validation)
    if len(truth) < 3 or np.ptp(truth) == 0:
        return None
    slope, intercept = np.polyfit(truth, answered, 1)
    return AgeLine(float(slope), float(intercept)) if slope >= LEAST_SLOPE else None


def correct_age_bias(result: EvaluationResult) -> EvaluationResult | None:
    """Return the result with every test answer replaced by `(answer - intercept) / slope` of its own model's line.

    This undoes the pull to the mean in the mean and never looks at a tested person's age. It does not add
    information: it widens the scatter, so the error may grow.

    Returns:
        None where a fold has no line, such as without validation answers.
    """
    lines = _lines(result)
    if lines is None:
        return None
    corrected = tuple(_corrected(one, lines[one.fold]) for one in result.predictions)
    folds = tuple(_rescored(fold, corrected) for fold in result.folds)
    return replace(result, predictions=corrected, folds=folds)


def age_bias(results: Sequence[EvaluationResult]) -> AgeBias | None:
    """Return errors and deltas with and without correction, averaged over seeds.

    The corrected delta takes the person's true age into its formula: it is made to be compared between
    people of different ages, and an "error" computed from it would be flattered by the age it was told.

    Returns:
        None where a seed's bias cannot be corrected.
    """
    rows = [_of_one(result) for result in results]
    if not rows or any(row is None for row in rows):
        return None
    means = np.mean(np.array([row for row in rows if row is not None]), axis=0)
    return AgeBias(**dict(zip(AgeBias.__slots__, (float(one) for one in means), strict=True)))


def _of_one(result: EvaluationResult) -> tuple[float, ...] | None:
    lines = _lines(result)
    known = [one for one in result.predictions if one.truth is not None]
    if lines is None or not known:
        return None
    age, answered = _numbers(known)
    slope, intercept = np.array([(lines[one.fold].slope, lines[one.fold].intercept) for one in known]).T
    delta = answered - age
    corrected_delta = delta - ((slope - 1) * age + intercept)
    return (
        float(np.mean(np.abs(delta))),
        float(np.mean(np.abs((answered - intercept) / slope - age))),
        float(np.mean([line.slope for line in lines.values()])),
        pearson(age, delta),
        pearson(age, corrected_delta),
        float(np.std(delta)),
        float(np.std(corrected_delta)),
    )


def _lines(result: EvaluationResult) -> dict[int, AgeLine] | None:
    if result.task != "regression":
        return None
    lines = {fold.fold: fit_age_line(fold.validation) for fold in result.folds}
    found = {number: line for number, line in lines.items() if line is not None}
    return found if len(found) == len(lines) else None


def _corrected(one: SubjectPrediction, line: AgeLine) -> SubjectPrediction:
    return replace(one, prediction=(float(one.prediction) - line.intercept) / line.slope)


def _rescored(fold: FoldResult, predictions: Sequence[SubjectPrediction]) -> FoldResult:
    return replace(fold, metrics=score("regression", [one for one in predictions if one.fold == fold.fold]))


def _numbers(predictions: Sequence[SubjectPrediction]) -> tuple[Any, Any]:
    pairs = [(float(one.truth), float(one.prediction)) for one in predictions if one.truth is not None]
    truth, answered = np.array(pairs, dtype=float).reshape(-1, 2).T
    return truth, answered
