"""Remarks on results whose scores say little or nothing."""

from dataclasses import replace

import numpy as np

from medical_transformer.evaluation import score
from medical_transformer.reporting.remarks import remarks


def rescored(result, predictions, folds=None):
    numbers = folds or [fold.fold for fold in result.folds]
    return replace(
        result,
        predictions=tuple(predictions),
        folds=tuple(
            replace(
                result.folds[0],
                fold=number,
                metrics=score(result.task, [one for one in predictions if one.fold == number], result.classes),
            )
            for number in numbers
        ),
    )


def said(result) -> str:
    return " ".join(remarks(result))


def test_a_good_result_is_not_called_worthless(age_result, diagnosis_result):
    for result in (age_result, diagnosis_result):
        assert "explains less" not in said(result)
        assert "is not shown to be" not in said(result)
        assert "only: a score of so few" not in said(result)


def test_answers_worse_than_the_mean_are_said_to_be(age_result):
    turned = [replace(one, prediction=106.0 - one.truth) for one in age_result.predictions]
    text = said(rescored(age_result, turned))
    assert "explains less than always answering the mean age" in text
    assert "lies below its interval" in text


def test_answers_no_better_than_the_median_are_compared_with_it_by_their_interval(age_result):
    rng = np.random.default_rng(1)
    noise = [replace(one, prediction=53.0 + rng.normal()) for one in age_result.predictions]
    text = said(rescored(age_result, noise))
    assert "not shown to be below that of always answering the median" in text
    assert "lies in its interval" in text


def test_guessed_classes_are_compared_with_the_most_frequent_one(diagnosis_result):
    rng = np.random.default_rng(2)
    guessed = [
        replace(one, prediction=str(rng.choice(diagnosis_result.classes))) for one in diagnosis_result.predictions
    ]
    assert "above that of always answering the most frequent class" in said(rescored(diagnosis_result, guessed))


def test_folds_of_two_subjects_are_said_to_say_little(age_result):
    few = [replace(one, fold=k // 2) for k, one in enumerate(age_result.predictions[:10])]
    assert "A fold tests 2 subjects only" in said(rescored(age_result, few, folds=range(5)))


def test_a_correlation_that_a_fold_does_not_have_is_named(age_result):
    few = [replace(one, fold=k) for k, one in enumerate(age_result.predictions[:3])]
    assert "Undefined in at least one fold" in said(rescored(age_result, few, folds=range(3)))
    assert "Pearson r, R²" in said(rescored(age_result, few, folds=range(3)))
