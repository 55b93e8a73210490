"""How sure a number is: bootstrap intervals over subjects, never over scans."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import ndtr, ndtri

from medical_transformer.evaluation.statistic import Indices, Statistic

LEAST_USABLE = 0.9


@dataclass(frozen=True, slots=True)
class Interval:
    """A confidence interval.

    Attributes:
        low: lower end.
        high: upper end.
        level: nominal coverage, such as 0.95.
        resamples: resamples on which the statistic was defined.
    """

    low: float
    high: float
    level: float
    resamples: int


def bootstrap_interval(
    statistic: Callable[[Indices], float],
    subjects: Sequence[str],
    *,
    seed: int = 0,
    resamples: int = 2000,
    level: float = 0.95,
) -> Interval | None:
    """Return the bias-corrected and accelerated interval (Efron and Tibshirani 1993, section 14.3).

    Whole subjects are drawn, with all their scans (a cluster bootstrap), since two scans of one person are
    not two pieces of evidence. A resample on which the statistic is NaN (a class was not drawn) is left out.

    Args:
        statistic: a number of the scans with these indices; indices may repeat. NaN where undefined. A `Statistic`
            is asked about all resamples at once.
        subjects: whose each scan is.
        seed: decides the draws.
        resamples: how many draws.
        level: nominal coverage.

    Returns:
        The interval, or None where it cannot be told: fewer than two subjects, or the statistic undefined on
        all scans or on more than a tenth of the resamples.
    """
    clusters = _clusters(subjects)
    estimate = statistic(np.arange(len(subjects)))
    if len(clusters) < 2 or not np.isfinite(estimate):
        return None
    draws = np.random.default_rng(seed).integers(len(clusters), size=(resamples, len(clusters)))
    values = _finite(_of_draws(statistic, clusters, draws))
    if len(values) < LEAST_USABLE * resamples:
        return None
    others = np.array([np.delete(np.arange(len(clusters)), k) for k in range(len(clusters))])
    left_out = _of_draws(statistic, clusters, others)
    low, high = np.quantile(values, _corrected_levels(values, estimate, _finite(left_out), level))
    return Interval(float(low), float(high), level, len(values))


def _of_draws(statistic: Callable[[Indices], float], clusters: list[Any], draws: Any) -> list[float]:
    """Return the statistic of every draw, a row of numbers of clusters each."""
    if not isinstance(statistic, Statistic):
        return [statistic(np.concatenate([clusters[k] for k in draw])) for draw in draws]
    times = np.array([np.bincount(draw, minlength=len(clusters)) for draw in draws], dtype=float)
    weights = np.empty((len(draws), sum(map(len, clusters))))
    for k, scans in enumerate(clusters):
        weights[:, scans] = times[:, [k]]
    return [float(value) for value in statistic.drawn(weights)]


def _corrected_levels(values: Any, estimate: float, left_out: Any, level: float) -> Any:
    """Return the two quantiles of the resamples that bound the interval (Eq. 14.10)."""
    tails = np.array([(1 - level) / 2, (1 + level) / 2])
    below = (np.mean(values < estimate) + np.mean(values <= estimate)) / 2
    if not 0 < below < 1:
        return tails
    bias, ends = ndtri(below), ndtri(tails)
    acceleration = _acceleration(left_out)
    return ndtr(bias + (bias + ends) / (1 - acceleration * (bias + ends)))


def _acceleration(left_out: Any) -> float:
    """Return the acceleration from the jackknife over subjects (Eq. 14.15)."""
    if len(left_out) == 0:
        return 0.0
    away = left_out.mean() - left_out
    spread = float(np.sum(away**2))
    return float(np.sum(away**3) / (6 * spread**1.5)) if spread > 0 else 0.0


def _clusters(subjects: Sequence[str]) -> list[Any]:
    names = np.asarray(subjects)
    return [np.flatnonzero(names == name) for name in dict.fromkeys(subjects)]


def _finite(values: list[float]) -> Any:
    array = np.asarray(values, dtype=float)
    return array[np.isfinite(array)]
