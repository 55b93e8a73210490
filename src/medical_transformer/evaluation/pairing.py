"""Several results of the same scans, brought into one order, so that each resample asks all of them the same."""

from collections.abc import Sequence
from dataclasses import dataclass

from medical_transformer.evaluation.predictions import SubjectPrediction
from medical_transformer.evaluation.results import EvaluationResult
from medical_transformer.evaluation.scoring import Scorable, prepare
from medical_transformer.evaluation.statistic import Statistic, average


@dataclass(frozen=True, slots=True, eq=False)
class Paired:
    """Results whose predictions stand in one order of scans.

    Attributes:
        subjects: whose each scan is.
        parts: one per result, in their order; index `i` is the same scan in all of them.
    """

    subjects: tuple[str, ...]
    parts: tuple[Scorable, ...]

    @property
    def metrics(self) -> tuple[str, ...]:
        """Names of the scores that every part has."""
        return tuple(name for name in self.parts[0].statistics if all(name in part.statistics for part in self.parts))

    def average(self, metric: str, first: int = 0, last: int | None = None) -> Statistic:
        """Return the mean of a score over the parts from `first` to `last`; NaN where one of them is undefined."""
        return average([part.statistics[metric] for part in self.parts[first:last]])


def pair(results: Sequence[EvaluationResult]) -> Paired:
    """Bring the scans that all results have predicted into the order of the first.

    Raises:
        ValueError: if the results are of two tasks, or a scan has another truth or subject in one of them.
    """
    first, *others = results
    answers = [{one.scan: one for one in result.predictions} for result in results]
    for other in others:
        if (other.task, other.classes) != (first.task, first.classes):
            raise ValueError(
                f"Only results of one task can be paired, but one is a {first.task} of {first.classes or first.label} "
                f"and another a {other.task} of {other.classes or other.label}."
            )
    shared = [one.scan for one in first.predictions if all(_is_scored(one.scan, found) for found in answers)]
    for found in answers:
        _check_truths(shared, answers[0], found)
    parts = tuple(prepare(first.task, [found[scan] for scan in shared], first.classes) for found in answers)
    return Paired(parts[0].subjects, parts)


def _is_scored(scan: str, answers: dict[str, SubjectPrediction]) -> bool:
    return scan in answers and (answers[scan].truth is not None or bool(answers[scan].metrics))


def _check_truths(
    scans: Sequence[str], first: dict[str, SubjectPrediction], other: dict[str, SubjectPrediction]
) -> None:
    odd = [
        scan for scan in scans if (first[scan].truth, first[scan].subject) != (other[scan].truth, other[scan].subject)
    ]
    if odd:
        raise ValueError(f"{len(odd)} scans have another truth or subject in the other result, such as {odd[0]!r}.")
