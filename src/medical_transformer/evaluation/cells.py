"""One cell of a comparison's tables: all seeds of one method on one task with one share of the labels."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from medical_transformer.evaluation.pairing import Paired, pair
from medical_transformer.evaluation.predictions import SubjectPrediction
from medical_transformer.evaluation.results import EvaluationResult
from medical_transformer.evaluation.scoring import BIASED_BY_RESAMPLING
from medical_transformer.evaluation.summary import mean_and_spread
from medical_transformer.evaluation.trials import Trial
from medical_transformer.evaluation.uncertainty import Interval, bootstrap_interval


@dataclass(frozen=True, slots=True, kw_only=True)
class CellScore:
    """One score of a cell.

    Attributes:
        metric: such as `mae`.
        mean: over folds and seeds, as papers print it; NaN where no fold has the score.
        standard_deviation: over folds and seeds (n - 1); None with fewer than two.
        pooled: mean over seeds of the score of all test predictions together; None where only folds have it, NaN
            where a seed's is undefined.
        seed_spread: standard deviation of the seeds' pooled scores (n - 1); None with fewer than two seeds.
        interval: of `pooled`, over subjects; None where it was not asked for or cannot be told.
        values: the score of each model that was tested: seed after seed, fold after fold; NaN where undefined.
    """

    metric: str
    mean: float
    standard_deviation: float | None
    pooled: float | None
    seed_spread: float | None
    interval: Interval | None
    values: tuple[float, ...]

    @property
    def undefined(self) -> int:
        """How many tested models have no such score."""
        return sum(not np.isfinite(value) for value in self.values)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """All seeds of one method on one task with one share of the labels.

    Attributes:
        method: name of the method.
        task: name of the task.
        fraction: share of the training labels.
        seeds: those that are done.
        folds: folds of each seed, in the order of `seeds`.
        subjects: tested by every seed.
        scans: tested by every seed.
        constant: tested models (a fold of a seed) that answer the same to every scan.
        scores: by metric.
    """

    method: str
    task: str
    fraction: float
    seeds: tuple[int, ...]
    folds: tuple[int, ...]
    subjects: int
    scans: int
    constant: int
    scores: Mapping[str, CellScore]

    @property
    def models(self) -> int:
        """How many trained models were tested."""
        return sum(self.folds)


def summarise_cell(
    trials: Sequence[Trial], *, intervals_of: Collection[str] | None = None, seed: int = 0, resamples: int = 2000
) -> Cell:
    """Put the seeds of one method, task and share together.

    The interval is a bootstrap over subjects of the score averaged over seeds: a resample draws subjects and asks
    every seed about the same ones. It holds the variation with the subjects tested, not that with the training
    set, which `standard_deviation` shows, nor that with the random start, which `seed_spread` shows.

    Args:
        trials: at least one, all of one method, task and share.
        intervals_of: scores that get an interval; all that can have one if not given.
        seed: decides the resamples.
        resamples: how many.

    Raises:
        ValueError: if the seeds do not agree on the truth of a scan.
    """
    results = [trial.result for trial in trials]
    paired = pair(results)
    names = dict.fromkeys([*(name for one in results for fold in one.folds for name in fold.metrics), *paired.metrics])
    wanted = (set(names) if intervals_of is None else set(intervals_of)) - BIASED_BY_RESAMPLING
    scores = {
        name: _score(name, results, paired, resamples=resamples if name in wanted else 0, seed=seed) for name in names
    }
    first = trials[0]
    return Cell(
        method=first.method,
        task=first.task,
        fraction=first.fraction,
        seeds=tuple(trial.seed for trial in trials),
        folds=tuple(len(result.folds) for result in results),
        subjects=len(set(paired.subjects)),
        scans=len(paired.subjects),
        constant=sum(_is_constant(result.of_fold(fold.fold)) for result in results for fold in result.folds),
        scores=scores,
    )


def _score(name: str, results: Sequence[EvaluationResult], paired: Paired, *, resamples: int, seed: int) -> CellScore:
    values = tuple(float(fold.metrics.get(name, np.nan)) for result in results for fold in result.folds)
    mean, spread = mean_and_spread(values)
    pooled, seed_spread, interval = None, None, None
    if name in paired.metrics:
        everything = np.arange(len(paired.subjects))
        per_seed = [part.statistics[name](everything) for part in paired.parts]
        pooled, seed_spread = float(np.mean(per_seed)), mean_and_spread(per_seed)[1]
        if resamples:
            interval = bootstrap_interval(paired.average(name), paired.subjects, seed=seed, resamples=resamples)
    return CellScore(
        metric=name,
        mean=mean,
        standard_deviation=spread,
        pooled=pooled,
        seed_spread=seed_spread,
        interval=interval,
        values=values,
    )


def _is_constant(predictions: Sequence[SubjectPrediction]) -> bool:
    """Tell whether a model answers the same to every scan; label maps are not compared."""
    if any(one.truth is None for one in predictions):
        return False
    answers = {(one.prediction, *sorted(one.probabilities.items())) for one in predictions}
    return len(predictions) > 1 and len(answers) == 1
