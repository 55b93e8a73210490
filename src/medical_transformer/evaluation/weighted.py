"""The scores of `metrics.py` for many resamples at once, from how often each scan was drawn.

Each function takes what its namesake takes and returns a function of the weights `(resample, scan)`, which gives a
score per resample, NaN where it is undefined there.
"""

from collections.abc import Callable
from itertools import combinations
from typing import Any

import numpy as np

from medical_transformer.evaluation.metrics import ClassIndices, ClassScores, Numbers
from medical_transformer.evaluation.statistic import Values, Weights

OfWeights = Callable[[Weights], Values]
CONSTANT = 1e-12  # of the variance of all scans: what rounding leaves of no variance


def mean(values: Numbers) -> OfWeights:
    """Weigh the mean of the defined values."""
    defined = np.isfinite(values)
    filled = np.where(defined, values, 0.0)
    return lambda weights: _over(weights @ filled, weights @ defined)


def mean_absolute_error(truth: Numbers, predicted: Numbers) -> OfWeights:
    """Weigh the mean absolute error."""
    return mean(np.abs(predicted - truth))


def root_mean_squared_error(truth: Numbers, predicted: Numbers) -> OfWeights:
    """Weigh the root mean squared error."""
    squared = mean((predicted - truth) ** 2)
    return lambda weights: np.sqrt(squared(weights))


def mean_error(truth: Numbers, predicted: Numbers) -> OfWeights:
    """Weigh the mean of predicted minus true."""
    return mean(predicted - truth)


def r_squared(truth: Numbers, predicted: Numbers) -> OfWeights:
    """Weigh the coefficient of determination."""
    spread, squared = _covariance(truth, truth), mean((predicted - truth) ** 2)
    return lambda weights: 1.0 - _over(squared(weights), spread(weights))


def pearson(truth: Numbers, predicted: Numbers) -> OfWeights:
    """Weigh Pearson's correlation."""
    both, one, other = _covariance(truth, predicted), _covariance(truth, truth), _covariance(predicted, predicted)
    return lambda weights: _over(both(weights), np.sqrt(one(weights) * other(weights)))


def accuracy(truth: ClassIndices, predicted: ClassIndices) -> OfWeights:
    """Weigh the share of scans whose class is right."""
    return mean((truth == predicted).astype(float))


def balanced_accuracy(truth: ClassIndices, predicted: ClassIndices) -> OfWeights:
    """Weigh the mean over the classes that were drawn of the share that is right."""
    shares = [mean(np.where(truth == index, predicted == index, np.nan)) for index in np.unique(truth)]

    def of_weights(weights: Weights) -> Values:
        rows = np.array([share(weights) for share in shares])
        return _over(np.nansum(rows, axis=0), np.isfinite(rows).sum(axis=0))

    return of_weights


def expected_calibration_error(truth: ClassIndices, probabilities: ClassScores, bins: int = 10) -> OfWeights:
    """Weigh the gap between confidence and accuracy over equal bins."""
    confidence, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == truth
    places = np.minimum((confidence * bins).astype(int), bins - 1)
    gaps = (right - confidence)[:, None] * (places[:, None] == np.arange(bins))
    return lambda weights: _over(np.abs(weights @ gaps).sum(axis=1), weights.sum(axis=1))


def hand_till_mauc(truth: ClassIndices, scores: ClassScores) -> OfWeights:
    """Weigh the multi-class AUC of Hand and Till."""
    pairs = [_pair_area(truth, scores, one, other) for one, other in combinations(range(scores.shape[1]), 2)]
    return lambda weights: np.mean([area(weights) for area in pairs], axis=0)


def _pair_area(truth: ClassIndices, scores: ClassScores, one: int, other: int) -> OfWeights:
    there, back = _area(truth, scores, one, other), _area(truth, scores, other, one)
    return lambda weights: (there(weights) + back(weights)) / 2


def _area(truth: ClassIndices, scores: ClassScores, higher: int, lower: int) -> OfWeights:
    """Weigh how often a scan of class `higher` scores above one of class `lower`, ties counted half."""
    rows, columns = np.flatnonzero(truth == higher), np.flatnonzero(truth == lower)
    above, below = scores[rows, higher][:, None], scores[columns, higher][None, :]
    wins = (above > below) + 0.5 * (above == below)

    def of_weights(weights: Weights) -> Values:
        won = ((weights[:, rows] @ wins) * weights[:, columns]).sum(axis=1)
        return _over(won, weights[:, rows].sum(axis=1) * weights[:, columns].sum(axis=1))

    return of_weights


def _covariance(one: Numbers, other: Numbers) -> OfWeights:
    """Weigh the covariance; NaN where a variance is no more than rounding."""
    first, second = one - one.mean(), other - other.mean()
    least = CONSTANT * float(np.mean(first * second))
    product, left, right = mean(first * second), mean(first), mean(second)

    def of_weights(weights: Weights) -> Values:
        found = product(weights) - left(weights) * right(weights)
        return np.where(found <= least, np.nan, found) if one is other else found

    return of_weights


def _over(above: Any, below: Any) -> Values:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(below != 0, above / below, np.nan)
