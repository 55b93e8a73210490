"""What a reader must know before believing a number: what is odd here, and what such numbers never say."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from medical_transformer.evaluation import EvaluationResult, SubjectPrediction, mean_absolute_error
from medical_transformer.reporting.figures import fitted_line
from medical_transformer.reporting.words import counted, label_words, number

FEW_SUBJECTS = 50


def known_numbers(result: EvaluationResult) -> tuple[Any, Any]:
    """Return true and predicted numbers of the scans whose truth is known."""
    pairs = [(float(one.truth), float(one.prediction)) for one in result.predictions if one.truth is not None]
    truth, predicted = np.array(pairs, dtype=float).reshape(-1, 2).T
    return truth, predicted


def known_classes(result: EvaluationResult) -> tuple[SubjectPrediction, ...]:
    """Return the predictions whose true class is known."""
    return tuple(one for one in result.predictions if one.truth is not None)


def without_looking(result: EvaluationResult) -> str:
    """Return what an answer that never looks at a scan would reach; empty for a segmentation."""
    if result.task == "regression":
        truth, _ = known_numbers(result)
        if not len(truth):
            return ""
        error = mean_absolute_error(truth, np.full_like(truth, np.median(truth)))
        unit = f" {result.unit}" if result.unit else ""
        return f"Always answering the median {label_words(result)} would err by {number(error, 2)}{unit}."
    if result.task == "classification" and known_classes(result):
        name, count = Counter(str(one.truth) for one in known_classes(result)).most_common(1)[0]
        share = f"{100 * count / len(known_classes(result)):.0f} %"
        return f"Always answering {name} would be right for {share} of the scans, with an area of 0.5."
    return ""


def remarks(result: EvaluationResult) -> list[str]:
    """Return what is odd about this very result, most serious first; empty where nothing is."""
    return [*_constant(result), *_missing(result), *_small(result), *_unfinished(result)]


def limits(result: EvaluationResult) -> list[str]:
    """Return what the numbers do not say."""
    return [*_of_the_task(result), *_of_every_task(result)]


def _constant(result: EvaluationResult) -> Iterator[str]:
    answers = {one.prediction for one in result.predictions}
    if result.task != "segmentation" and len(answers) == 1 and len(result.predictions) > 1:
        (answer,) = answers
        shown = answer if isinstance(answer, str) else number(answer, 2)
        yield f"The model gives the same answer, {shown}, to every scan: it has learned nothing."


def _missing(result: EvaluationResult) -> Iterator[str]:
    unknown = sum(one.truth is None and not one.metrics for one in result.predictions)
    if unknown:
        yield f"{counted(unknown, 'scan')} without a known truth: not counted in any score."
    bare = sum(not one.probabilities for one in result.predictions)
    if result.task == "classification" and bare:
        yield f"{counted(bare, 'prediction')} without probabilities: no ROC curve, no mAUC, no calibration."
    absent = set(result.classes) - {str(one.truth) for one in result.predictions}
    if result.task == "classification" and absent:
        yield f"No tested scan is {' or '.join(sorted(absent))}: scores over all classes are undefined."


def _small(result: EvaluationResult) -> Iterator[str]:
    if len(result.folds) == 1:
        yield "There is one fold only: how much the score varies with the training set is unknown."
    if len(result.subjects) < FEW_SUBJECTS:
        yield f"Few were tested ({counted(len(result.subjects), 'subject')}): the score is uncertain."


def _unfinished(result: EvaluationResult) -> Iterator[str]:
    late = [fold.fold for fold in result.folds if fold.history and fold.best_epoch == fold.history[-1].epoch]
    if late and len(late) > len(result.folds) // 2:
        yield (
            f"In {len(late)} of {counted(len(result.folds), 'fold')} the last epoch was the best: "
            "training longer may still help."
        )


def _of_the_task(result: EvaluationResult) -> Iterator[str]:
    if result.task == "regression":
        yield from _pull_to_the_mean(*known_numbers(result), result)
    if result.task == "classification":
        yield (
            "The mAUC is the pairwise area of Hand and Till (2001): rare classes weigh as much as frequent ones. "
            "The pooled areas rank the probabilities of all folds' models together; "
            "the mean over folds ranks each model's alone, as papers do."
        )
    if result.task == "segmentation":
        yield (
            "A Dice of 1 is given where a region is absent in truth and prediction alike, "
            "and 0 where one of them has a single voxel of it: small regions decide the mean."
        )


def _pull_to_the_mean(truth: Any, predicted: Any, result: EvaluationResult) -> Sequence[str]:
    line = fitted_line(truth, predicted)
    if line is None:
        return []
    ten, label = number(10 * line[0], 1), label_words(result)
    text = f"For every 10 {result.unit or 'units'} of true {label} the prediction grows by {ten}"
    if line[0] < 0.95:
        text += ": low values are answered too high and high values too low (regression to the mean)"
    return [f"{text}. No correction was applied to the predictions on this page."]


def _of_every_task(result: EvaluationResult) -> Iterator[str]:
    yield (
        "All subjects come from the cohort named above. Another scanner, site, age range or disease "
        "can give another score; only a test on another cohort can tell."
    )
    yield (
        "The interval says how the score varies with the subjects that happen to be tested. It does not hold "
        "the variation from another random start of the training."
    )
    if len(result.folds) > 1:
        yield (
            "The standard deviation over folds is not a standard error: the folds' training sets overlap, "
            "so the folds are not independent."
        )
    yield "These are research numbers. They are no evidence that a diagnosis or a treatment may rest on them."
