"""The predictions that are furthest off, so that a person looks at these scans first."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from medical_transformer.evaluation import EvaluationResult, SubjectPrediction
from medical_transformer.reporting.words import number, words_of


@dataclass(frozen=True, slots=True)
class WorstRow:
    """One prediction as a row of text.

    Attributes:
        scan: name of the scan.
        subject: who.
        fold: whose model answered.
        truth: what is true.
        prediction: what was answered.
        offence: how far off it is.
    """

    scan: str
    subject: str
    fold: int
    truth: str
    prediction: str
    offence: str


def worst_predictions(result: EvaluationResult, count: int = 10) -> tuple[str, list[WorstRow]]:
    """Return the name of the last column and the `count` worst rows, worst first."""
    if result.task == "regression":
        return _worst_numbers(result, count)
    if result.task == "classification":
        return _worst_classes(result, count)
    return _worst_overlaps(result, count)


def _worst_numbers(result: EvaluationResult, count: int) -> tuple[str, list[WorstRow]]:
    def error(one: SubjectPrediction) -> float:
        return float(one.prediction) - float(one.truth or 0.0)

    known = [one for one in result.predictions if one.truth is not None]
    ordered = sorted(known, key=lambda one: abs(error(one)), reverse=True)[:count]
    heading = f"Error ({result.unit})" if result.unit else "Error"
    return heading, _rows(ordered, lambda one: f"{'+' if error(one) > 0 else ''}{number(error(one), 1)}")


def _worst_classes(result: EvaluationResult, count: int) -> tuple[str, list[WorstRow]]:
    def chance(one: SubjectPrediction) -> float:
        return one.probabilities.get(str(one.truth), 0.0)

    wrong = [one for one in result.predictions if one.truth is not None and one.truth != one.prediction]
    ordered = sorted(wrong, key=chance)[:count]
    return "Probability of the truth", _rows(
        ordered, lambda one: number(chance(one), 3) if one.probabilities else "not given"
    )


def _worst_overlaps(result: EvaluationResult, count: int) -> tuple[str, list[WorstRow]]:
    metric = result.primary_metric
    known = [one for one in result.predictions if metric in one.metrics]
    ordered = sorted(known, key=lambda one: one.metrics[metric])
    ordered = (ordered if words_of(metric).better == "higher" else ordered[::-1])[:count]
    words = words_of(metric)
    return words.short, _rows(ordered, lambda one: number(one.metrics[metric], words.digits))


def _rows(ordered: Sequence[SubjectPrediction], offence: Callable[[SubjectPrediction], str]) -> list[WorstRow]:
    return [
        WorstRow(one.scan, one.subject, one.fold, _text(one.truth), _text(one.prediction), offence(one))
        for one in ordered
    ]


def _text(value: float | str | None) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else number(value, 1)
