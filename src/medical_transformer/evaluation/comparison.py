"""Is one method better than another? Both are asked about the same subjects, and the difference gets the interval."""

from dataclasses import dataclass

import numpy as np

from medical_transformer.evaluation.results import EvaluationResult
from medical_transformer.evaluation.scoring import Scorable, prepare
from medical_transformer.evaluation.uncertainty import Interval, bootstrap_interval


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """One score of two methods on the same scans.

    Attributes:
        metric: such as `mae`.
        one: pooled score of the first method.
        other: pooled score of the second method.
        interval: of `one - other`, over subjects; None where it cannot be told. Where it holds 0, these subjects
            do not tell the methods apart.
        scans: how many scans both have predicted.
    """

    metric: str
    one: float
    other: float
    interval: Interval | None
    scans: int

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
    name = metric or one.primary_metric
    first, second = _prepared_pair(one, other)
    if name not in first.statistics or name not in second.statistics:
        raise ValueError(f"There is no score {name!r} in both results.")
    ours, theirs = first.statistics[name], second.statistics[name]
    everything = np.arange(len(first.subjects))
    interval = bootstrap_interval(
        lambda chosen: ours(chosen) - theirs(chosen), first.subjects, seed=seed, resamples=resamples
    )
    return Comparison(
        metric=name, one=ours(everything), other=theirs(everything), interval=interval, scans=len(everything)
    )


def _prepared_pair(one: EvaluationResult, other: EvaluationResult) -> tuple[Scorable, Scorable]:
    """Return both results' predictions in the order of the first, or refuse what cannot be paired."""
    first, second = ({prediction.scan: prediction for prediction in result.predictions} for result in (one, other))
    if first.keys() != second.keys() or (one.task, one.classes) != (other.task, other.classes):
        raise ValueError(
            f"Only results of one task on the same scans can be compared; {len(first.keys() ^ second.keys())} scans "
            "are in one of them only."
        )
    relabelled = [scan for scan in first if first[scan].truth != second[scan].truth]
    if relabelled:
        raise ValueError(f"{len(relabelled)} scans have another truth in the other result, such as {relabelled[0]!r}.")
    ours, theirs = (prepare(one.task, [answers[scan] for scan in first], one.classes) for answers in (first, second))
    if ours.subjects != theirs.subjects:
        raise ValueError("The two results do not agree on whose the scans are, or on which of them have scores.")
    return ours, theirs
