"""What a reader must know before believing a number: what is odd here, and what such numbers never say."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from medical_transformer.evaluation import EvaluationResult, FoldResult, SubjectPrediction, mean_absolute_error
from medical_transformer.reporting.figures import fitted_line
from medical_transformer.reporting.words import counted, interval_words, label_words, number, words_of

FEW_SUBJECTS = 50
FEW_IN_A_FOLD = 10
UNDEFINED_IN_SMALL = ("auc", "mauc", "pearson", "r_squared")


def known_numbers(result: EvaluationResult) -> tuple[Any, Any]:
    """Return true and predicted numbers of the scans whose truth is known."""
    pairs = [(float(one.truth), float(one.prediction)) for one in result.predictions if one.truth is not None]
    truth, predicted = np.array(pairs, dtype=float).reshape(-1, 2).T
    return truth, predicted


def known_classes(result: EvaluationResult) -> tuple[SubjectPrediction, ...]:
    """Return the predictions whose true class is known."""
    return tuple(one for one in result.predictions if one.truth is not None)


def error_without_looking(result: EvaluationResult) -> float | None:
    """Return the error of always answering the median of the tested; None for other tasks or without truths."""
    if result.task != "regression" or not len(known_numbers(result)[0]):
        return None
    truth, _ = known_numbers(result)
    return mean_absolute_error(truth, np.full_like(truth, np.median(truth)))


def share_without_looking(result: EvaluationResult) -> float | None:
    """Return the share of the most frequent class; None for other tasks or without truths."""
    classes = Counter(str(one.truth) for one in known_classes(result))
    if result.task != "classification" or not classes:
        return None
    return classes.most_common(1)[0][1] / classes.total()


def without_looking(result: EvaluationResult) -> str:
    """Return what an answer that never looks at a scan would reach; empty for a segmentation."""
    error, share = error_without_looking(result), share_without_looking(result)
    if error is not None:
        unit = f" {result.unit}" if result.unit else ""
        return f"Always answering the median {label_words(result)} would err by {number(error, 2)}{unit}."
    if share is not None:
        name = Counter(str(one.truth) for one in known_classes(result)).most_common(1)[0][0]
        return f"Always answering {name} would be right for {100 * share:.0f} % of the scans, with an area of 0.5."
    return ""


def remarks(result: EvaluationResult) -> list[str]:
    """Return what is odd about this very result, most serious first; empty where nothing is."""
    return [*(list(_constant(result)) or _worthless(result)), *_missing(result), *_small(result), *_unfinished(result)]


def limits(result: EvaluationResult) -> list[str]:
    """Return what the numbers do not say."""
    return [*_of_the_task(result), *_of_every_task(result)]


def _constant(result: EvaluationResult) -> Iterator[str]:
    answers = {one.prediction for one in result.predictions}
    if result.task != "segmentation" and len(answers) == 1 and len(result.predictions) > 1:
        (answer,) = answers
        shown = answer if isinstance(answer, str) else number(answer, 2)
        yield f"The model gives the same answer, {shown}, to every scan: it has learned nothing."


def _worthless(result: EvaluationResult) -> Iterator[str]:
    """Say where the answers are no better than one that never looks at a scan, by the intervals over subjects."""
    summary, floor = result.summary(), error_without_looking(result)
    explained, primary = summary.get("r_squared"), summary.get("mae")
    if explained and explained.interval and explained.interval.high < 0:
        shown = f"R² {number(explained.pooled, 2)}, 95 % CI {interval_words(explained.interval, 2)}"
        yield f"The model explains less than always answering the mean {label_words(result)} would ({shown})."
    if floor is not None and primary and primary.interval and primary.interval.high >= floor:
        yield (
            f"The error is not shown to be below that of always answering the median: {number(floor, 2)} lies "
            f"{'in' if primary.interval.low <= floor else 'below'} its interval, {interval_words(primary.interval, 2)}."
        )
    right, usual = summary.get("accuracy"), share_without_looking(result)
    if usual is not None and right and right.interval and right.interval.low <= usual:
        yield (
            f"The share of right answers is not shown to be above that of always answering the most frequent class: "
            f"{number(usual, 3)} lies {'in' if usual <= right.interval.high else 'above'} its interval, "
            f"{interval_words(right.interval, 3)}."
        )


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
    tested = [len({one.subject for one in result.of_fold(fold.fold)}) for fold in result.folds]
    if len(result.folds) > 1 and min(tested) < FEW_IN_A_FOLD:
        yield (
            f"A fold tests {counted(min(tested), 'subject')} only: a score of so few, above all a correlation, says "
            "little, and so do the mean and standard deviation over folds. The pooled scores count everybody."
        )
    undefined = [name for name in UNDEFINED_IN_SMALL if any(_is_undefined(fold, name) for fold in result.folds)]
    if undefined:
        names = ", ".join(words_of(name).short for name in undefined)
        yield f"Undefined in at least one fold, which its mean over folds leaves out: {names}."
    if len(result.subjects) < FEW_SUBJECTS:
        yield f"Few were tested ({counted(len(result.subjects), 'subject')}): the score is uncertain."


def _is_undefined(fold: FoldResult, metric: str) -> bool:
    return metric in fold.metrics and not np.isfinite(fold.metrics[metric])


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
