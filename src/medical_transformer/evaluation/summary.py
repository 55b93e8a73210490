"""What is said of each score: its mean and spread over folds, and its interval over subjects."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from medical_transformer.evaluation.predictions import FoldResult, SubjectPrediction
from medical_transformer.evaluation.scoring import BIASED_BY_RESAMPLING, prepare
from medical_transformer.evaluation.uncertainty import Interval, bootstrap_interval


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricSummary:
    """One score, looked at in both ways.

    Attributes:
        name: such as `mae`.
        mean: mean of the folds' own scores, as papers report it; NaN where no fold has it.
        standard_deviation: over folds (n - 1); None with fewer than two.
        pooled: the score of all test predictions taken together; None where only folds have it.
        interval: bootstrap interval of `pooled` over subjects; None where it cannot be told.
        folds: the score of each fold, in their order; NaN where undefined.
    """

    name: str
    mean: float
    standard_deviation: float | None
    pooled: float | None
    interval: Interval | None
    folds: tuple[float, ...]


def summarise(
    task: str,
    predictions: Sequence[SubjectPrediction],
    folds: Sequence[FoldResult],
    classes: Sequence[str] = (),
    *,
    seed: int = 0,
    resamples: int = 2000,
) -> dict[str, MetricSummary]:
    """Summarise every score of the folds and of the pooled predictions, by name."""
    scorable = prepare(task, predictions, classes)
    names = dict.fromkeys([*(name for fold in folds for name in fold.metrics), *scorable.statistics])
    everything = np.arange(len(scorable.subjects))
    found = {}
    for name in names:
        values = tuple(float(fold.metrics.get(name, np.nan)) for fold in folds)
        statistic = scorable.statistics.get(name)
        interval = None
        if statistic and name not in BIASED_BY_RESAMPLING:
            interval = bootstrap_interval(statistic, scorable.subjects, seed=seed, resamples=resamples)
        mean, spread = mean_and_spread(values)
        found[name] = MetricSummary(
            name=name,
            mean=mean,
            standard_deviation=spread,
            pooled=statistic(everything) if statistic else None,
            interval=interval,
            folds=values,
        )
    return found


def mean_and_spread(values: Sequence[float]) -> tuple[float, float | None]:
    """Return mean and standard deviation (n - 1) of the defined values; NaN and None where there are too few."""
    kept = np.array([value for value in values if np.isfinite(value)])
    if len(kept) == 0:
        return float("nan"), None
    return float(kept.mean()), float(kept.std(ddof=1)) if len(kept) > 1 else None
