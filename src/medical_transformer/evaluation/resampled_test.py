"""Tests of a difference over folds that share training data, and the correction for many such tests."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtr


@dataclass(frozen=True, slots=True, kw_only=True)
class ResampledTest:
    """The corrected resampled t-test of a mean difference.

    Attributes:
        mean: of the differences.
        statistic: `t`.
        degrees: of freedom, the number of differences minus one.
        p_value: two-sided.
        ratio: test subjects per training subject, by which the variance was corrected.
    """

    mean: float
    statistic: float
    degrees: int
    p_value: float
    ratio: float


def corrected_resampled_t(differences: Sequence[float], ratio: float) -> ResampledTest | None:
    """Test whether the mean of differences over folds and seeds is 0 (Nadeau and Bengio 2003, section 5.3).

    The folds of a cross-validation train on much the same subjects, so their scores are correlated and the
    ordinary t-test finds differences that are not there. The variance of the mean is therefore taken as
    `(1 / J + test / train) * s²` in place of `s² / J`, for `J` differences of variance `s²`.

    Args:
        differences: one per fold and seed; undefined ones (NaN) are left out.
        ratio: test subjects per training subject.

    Returns:
        The test; None with fewer than two differences, or where they are all the same.
    """
    kept = np.array([one for one in differences if np.isfinite(one)])
    if len(kept) < 2 or np.ptp(kept) == 0:
        return None
    mean, variance, degrees = float(kept.mean()), float(kept.var(ddof=1)), len(kept) - 1
    statistic = mean / float(np.sqrt((1 / len(kept) + ratio) * variance))
    return ResampledTest(
        mean=mean,
        statistic=statistic,
        degrees=degrees,
        p_value=float(2 * stdtr(degrees, -abs(statistic))),
        ratio=ratio,
    )


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values adjusted for a family of tests by Holm's step-down method (Holm 1979).

    Rejecting where the adjusted value is at most 5 % keeps the chance of a single false rejection in the family
    at most 5 %, whatever the tests have in common. A test that could not be made (NaN) stays NaN and does not
    count as one of the family.
    """
    values = np.asarray(p_values, dtype=float)
    adjusted = np.full(len(values), np.nan)
    known = np.flatnonzero(np.isfinite(values))
    order = known[np.argsort(values[known], kind="stable")]
    steps = values[order] * np.arange(len(order), 0, -1)
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate(steps)) if len(order) else []
    return [float(one) for one in adjusted]
