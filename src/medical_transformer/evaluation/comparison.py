"""Is one method better than another? Both are asked about the same subjects, and the difference gets the interval."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from medical_transformer.evaluation.pairing import pair
from medical_transformer.evaluation.results import EvaluationResult
from medical_transformer.evaluation.uncertainty import Interval, bootstrap_interval


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """One score of two methods on the same scans.

    Attributes:
        metric: such as `mae`.
        one: pooled score of the first method, averaged over its seeds.
        other: pooled score of the second method, averaged over its seeds.
        interval: of `one - other`, over subjects; None where it cannot be told. Where it holds 0, these subjects
            do not tell the methods apart.
        scans: how many scans both have predicted.
        subjects: whose they are.
    """

    metric: str
    one: float
    other: float
    interval: Interval | None
    scans: int
    subjects: int = 0

    @property
    def difference(self) -> float:
        """The first score minus the second."""
        return self.one - self.other


def compare(
    one: EvaluationResult, other: EvaluationResult, *, metric: str = "", seed: int = 0, resamples: int = 2000
) -> Comparison:
    """Compare two results by a paired bootstrap: each resample asks both methods about the same subjects.

    Args:
        one: result of the first method.
        other: result of the second method, of the same task on the same subjects.
        metric: the score; the primary one of `one` if empty.
        seed: decides the draws.
        resamples: how many draws.

    Raises:
        ValueError: if the scans, their truths or the score are not the same in both.
    """
    strangers = {p.scan for p in one.predictions} ^ {p.scan for p in other.predictions}
    if strangers:
        raise ValueError(
            f"Only results on the same scans can be compared; {len(strangers)} scans are in one of them only."
        )
    return compare_seeds((one,), (other,), metric=metric, seed=seed, resamples=resamples)


def compare_seeds(
    ones: Sequence[EvaluationResult],
    others: Sequence[EvaluationResult],
    *,
    metric: str = "",
    seed: int = 0,
    resamples: int = 2000,
) -> Comparison:
    """Compare the scores of two methods, each averaged over its seeds, on the scans that all seeds have predicted.

    A resample draws subjects with all their scans and asks every seed of both methods about them: seeds are not
    drawn, since a few of them do not tell how seeds vary.

    Raises:
        ValueError: if the truths or the tasks differ, or the score is not in all results.
    """
    name = metric or ones[0].primary_metric
    paired = pair([*ones, *others])
    if name not in paired.metrics:
        raise ValueError(f"There is no score {name!r} in all results on the {len(paired.subjects)} scans they share.")
    ours, theirs = paired.average(name, 0, len(ones)), paired.average(name, len(ones))
    everything = np.arange(len(paired.subjects))
    return Comparison(
        metric=name,
        one=ours(everything),
        other=theirs(everything),
        interval=bootstrap_interval(ours - theirs, paired.subjects, seed=seed, resamples=resamples),
        scans=len(everything),
        subjects=len(set(paired.subjects)),
    )
