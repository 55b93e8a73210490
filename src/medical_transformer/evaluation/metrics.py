"""Scores of predictions for one number or one class per scan; small pure functions, each with its source.

Undefined is NaN, not 0: the correlation with a constant prediction does not exist, and a page should say so.
"""

from itertools import combinations
from typing import Any

import numpy as np
from jaxtyping import Real

from medical_transformer.errors import CohortError

Numbers = Real[np.ndarray[Any, Any], " scan"]
ClassIndices = Real[np.ndarray[Any, Any], " scan"]
ClassScores = Real[np.ndarray[Any, Any], "scan output"]


def auc(positive: Numbers, scores: Numbers) -> float:
    """Return the area under the ROC curve: how often a positive scan scores above a negative one.

    The Mann-Whitney statistic (Hanley and McNeil, Radiology 143, 1982), ties counted half.

    Args:
        positive: whether each scan is positive (0 or 1, or truth values).
        scores: greater is more positive; any monotone scale.

    Raises:
        CohortError: if all scans are of one kind.
    """
    chosen = np.asarray(positive).astype(bool)
    _check_pair(chosen, scores)
    if chosen.all() or not chosen.any():
        raise CohortError(
            f"An ROC curve needs positive and negative scans, but got {chosen.sum()} and {(~chosen).sum()}."
        )
    return _share_above(scores[chosen], scores[~chosen])


def hand_till_mauc(truth: ClassIndices, scores: ClassScores) -> float:
    """Return the multi-class AUC of Hand and Till (Machine Learning 45, 2001, Eq. 7); the paper's mAUC.

    The mean over all pairs of classes of `(A(i|j) + A(j|i)) / 2`, where `A(i|j)` looks only at scans of the
    two classes and ranks them by the score of class `i`. Classes weigh the same, however rare they are; with
    two classes it is the AUC.

    Args:
        truth: class index of each scan, a column number of `scores`.
        scores: one column per class.

    Raises:
        CohortError: if a class has no scan, so that its pairs have no area.
    """
    _check_pair(truth, scores)
    classes = range(scores.shape[1])
    missing = [index for index in classes if not np.any(truth == index)]
    if missing or len(classes) < 2:
        raise CohortError(
            f"The mAUC needs scans of at least two classes and of each one, but of {len(classes)} classes "
            f"number {', '.join(map(str, missing)) or 'one'} has no scan; use fewer, stratified folds."
        )
    return float(np.mean([_pair_area(truth, scores, one, other) for one, other in combinations(classes, 2)]))


def accuracy(truth: ClassIndices, predicted: ClassIndices) -> float:
    """Return the share of scans whose class is right."""
    _check_pair(truth, predicted)
    return float(np.mean(truth == predicted))


def balanced_accuracy(truth: ClassIndices, predicted: ClassIndices) -> float:
    """Return the mean over the classes in the truth of the share that is right (Brodersen et al., 2010)."""
    _check_pair(truth, predicted)
    return float(np.mean([np.mean(predicted[truth == index] == index) for index in np.unique(truth)]))


def expected_calibration_error(truth: ClassIndices, probabilities: ClassScores, bins: int = 10) -> float:
    """Return the mean gap between confidence and accuracy over equal bins (Guo et al., ICML 2017, Eq. 3)."""
    _check_pair(truth, probabilities)
    confidence, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == truth
    places = np.minimum((confidence * bins).astype(int), bins - 1)
    gaps = [abs(right[places == k].sum() - confidence[places == k].sum()) for k in range(bins)]
    return float(np.sum(gaps) / len(truth))


def mean_absolute_error(truth: Numbers, predicted: Numbers) -> float:
    """Return the mean absolute error, in the unit of the truth."""
    _check_pair(truth, predicted)
    return float(np.mean(np.abs(predicted - truth)))


def root_mean_squared_error(truth: Numbers, predicted: Numbers) -> float:
    """Return the root of the mean squared error, in the unit of the truth."""
    _check_pair(truth, predicted)
    return float(np.sqrt(np.mean((predicted - truth) ** 2)))


def mean_error(truth: Numbers, predicted: Numbers) -> float:
    """Return the mean of predicted minus true (the bias), in the unit of the truth."""
    _check_pair(truth, predicted)
    return float(np.mean(predicted - truth))


def r_squared(truth: Numbers, predicted: Numbers) -> float:
    """Return the coefficient of determination; 0 is as good as the mean, NaN where the truth is constant."""
    _check_pair(truth, predicted)
    spread = float(np.sum((truth - truth.mean()) ** 2))
    return 1.0 - float(np.sum((truth - predicted) ** 2)) / spread if spread > 0 else float("nan")


def pearson(truth: Numbers, predicted: Numbers) -> float:
    """Return Pearson's correlation; NaN where the truth or the prediction is constant."""
    _check_pair(truth, predicted)
    if np.ptp(truth) == 0 or np.ptp(predicted) == 0:
        return float("nan")
    return float(np.corrcoef(truth, predicted)[0, 1])


def _pair_area(truth: ClassIndices, scores: ClassScores, one: int, other: int) -> float:
    ones, others = scores[truth == one], scores[truth == other]
    return (_share_above(ones[:, one], others[:, one]) + _share_above(others[:, other], ones[:, other])) / 2


def _share_above(higher: Numbers, lower: Numbers) -> float:
    """Return the share of pairs in which the first is above the second, ties counted half."""
    ordered = np.sort(lower)
    below = np.searchsorted(ordered, higher, "left") + np.searchsorted(ordered, higher, "right")
    return float(below.mean() / 2 / len(lower))


def _check_pair(truth: Any, predicted: Any) -> None:
    if len(truth) != len(predicted) or len(truth) == 0:
        raise ValueError(f"A score needs a truth for each prediction, but got {len(truth)} for {len(predicted)}.")
    if not (np.isfinite(truth).all() and np.isfinite(predicted).all()):
        raise ValueError("A score needs finite numbers, but a truth or a prediction is NaN or infinite.")
