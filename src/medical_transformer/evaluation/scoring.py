"""All scores of a task from a list of predictions: the same for a fold, for all folds and for resamples."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from medical_transformer.errors import CohortError
from medical_transformer.evaluation import metrics, weighted
from medical_transformer.evaluation.predictions import SubjectPrediction
from medical_transformer.evaluation.statistic import Statistic

Task = Literal["classification", "regression", "segmentation"]
OfPairs = Callable[[Any, Any], Any]

# Each score as a function of truth and answers, and the same for many resamples at once.
REGRESSION: Mapping[str, tuple[OfPairs, OfPairs]] = {
    "mae": (metrics.mean_absolute_error, weighted.mean_absolute_error),
    "rmse": (metrics.root_mean_squared_error, weighted.root_mean_squared_error),
    "mean_error": (metrics.mean_error, weighted.mean_error),
    "r_squared": (metrics.r_squared, weighted.r_squared),
    "pearson": (metrics.pearson, weighted.pearson),
}
CLASSIFICATION: Mapping[str, tuple[OfPairs, OfPairs]] = {
    "accuracy": (metrics.accuracy, weighted.accuracy),
    "balanced_accuracy": (metrics.balanced_accuracy, weighted.balanced_accuracy),
}
AREA = (metrics.hand_till_mauc, weighted.hand_till_mauc)
# Scores that a resample makes greater than they are, so that no bootstrap interval of them covers: gaps in a bin do not
# cancel any more where a scan is drawn twice.
BIASED_BY_RESAMPLING = frozenset({"calibration_error"})
CALIBRATION = (metrics.expected_calibration_error, weighted.expected_calibration_error)


@dataclass(frozen=True, slots=True, eq=False)
class Scorable:
    """Predictions with a known truth, and the statistics that can be computed on any of them.

    Attributes:
        subjects: whose each prediction is.
        statistics: name of each score and the score as a function of indices into `subjects`.
    """

    subjects: tuple[str, ...]
    statistics: Mapping[str, Statistic]


def score(task: str, predictions: Sequence[SubjectPrediction], classes: Sequence[str] = ()) -> dict[str, float]:
    """Return every score that the task defines; NaN where a score is undefined on these predictions.

    Classification: `mauc` (`auc` with two classes), `accuracy`, `balanced_accuracy`, `calibration_error`.
    Regression: `mae`, `rmse`, `mean_error`, `r_squared`, `pearson`. Segmentation: the mean over scans of each
    of their own scores. Predictions without a truth do not count.
    """
    scorable = prepare(task, predictions, classes)
    everything = np.arange(len(scorable.subjects))
    return {name: statistic(everything) for name, statistic in scorable.statistics.items()}


def prepare(task: str, predictions: Sequence[SubjectPrediction], classes: Sequence[str] = ()) -> Scorable:
    """Bring predictions into arrays, so that a thousand resamples are cheap."""
    known = [one for one in predictions if one.truth is not None or one.metrics]
    if task == "segmentation":
        return Scorable(tuple(one.subject for one in known), _per_scan(known))
    known = [one for one in known if one.truth is not None]
    build = _classification if task == "classification" else _regression
    return Scorable(tuple(one.subject for one in known), build(known, classes) if known else {})


def _per_scan(predictions: Sequence[SubjectPrediction]) -> dict[str, Statistic]:
    names = dict.fromkeys(name for one in predictions for name in one.metrics)
    values = {name: np.array([one.metrics.get(name, np.nan) for one in predictions], dtype=float) for name in names}
    return {name: _mean_of(column) for name, column in values.items()}


def _mean_of(column: Any) -> Statistic:
    def mean(chosen: Any) -> float:
        kept = column[chosen]
        kept = kept[np.isfinite(kept)]
        return float(kept.mean()) if len(kept) else float("nan")

    return Statistic(mean, weighted.mean(column))


def _regression(predictions: Sequence[SubjectPrediction], _: Sequence[str]) -> dict[str, Statistic]:
    truth = np.array([float(one.truth or 0.0) for one in predictions])
    predicted = np.array([float(one.prediction) for one in predictions])
    return {name: _on(functions, truth, predicted) for name, functions in REGRESSION.items()}


def _classification(predictions: Sequence[SubjectPrediction], classes: Sequence[str]) -> dict[str, Statistic]:
    place = {name: index for index, name in enumerate(classes)}
    truth = np.array([place[str(one.truth)] for one in predictions])
    predicted = np.array([place[str(one.prediction)] for one in predictions])
    found = {name: _on(functions, truth, predicted) for name, functions in CLASSIFICATION.items()}
    if not all(one.probabilities for one in predictions):
        return found
    scores = np.array([[one.probabilities[name] for name in classes] for one in predictions])
    area = {"auc" if len(classes) == 2 else "mauc": _on(AREA, truth, scores)}
    return area | found | {"calibration_error": _on(CALIBRATION, truth, scores)}


def _on(functions: tuple[OfPairs, OfPairs], truth: Any, predicted: Any) -> Statistic:
    plain, of_weights = functions

    def statistic(chosen: Any) -> float:
        try:
            return float(plain(truth[chosen], predicted[chosen]))
        except CohortError:  # a class is missing among the chosen: undefined, and left out by the bootstrap
            return float("nan")

    return Statistic(statistic, of_weights(truth, predicted))
