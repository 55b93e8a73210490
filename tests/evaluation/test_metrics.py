"""Scores against hand-computed cases and against scikit-learn."""

import math

import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score, r2_score, roc_auc_score

from medical_transformer.errors import CohortError
from medical_transformer.evaluation import metrics


def test_auc_counts_ties_half():
    # Pairs (positive, negative): 0.5 > 0.1 right, 0.5 = 0.5 half, 0.9 right twice: 3.5 of 4.
    assert metrics.auc(np.array([0, 0, 1, 1]), np.array([0.1, 0.5, 0.5, 0.9])) == pytest.approx(3.5 / 4)


def test_auc_of_reversed_scores_is_the_complement():
    rng = np.random.default_rng(3)
    positive, scores = rng.integers(2, size=57), rng.normal(size=57)
    assert metrics.auc(positive, scores) + metrics.auc(positive, -scores) == pytest.approx(1.0)


def test_auc_needs_both_kinds():
    with pytest.raises(CohortError, match="3 and 0"):
        metrics.auc(np.ones(3), np.array([0.1, 0.2, 0.3]))


def test_mauc_of_a_hand_computed_case():
    truth = np.array([0, 0, 1, 2])
    scores = np.array([[0.6, 0.2, 0.2], [0.3, 0.5, 0.2], [0.4, 0.5, 0.1], [0.1, 0.1, 0.8]])
    # A(0|1) = 1/2 (0.6 > 0.4, 0.3 < 0.4); A(1|0) = 3/4 (0.5 > 0.2, 0.5 = 0.5); the other pairs are perfect.
    assert metrics.hand_till_mauc(truth, scores) == pytest.approx((0.625 + 1.0 + 1.0) / 3)


@pytest.mark.parametrize("classes", [3, 5])
def test_mauc_agrees_with_scikit_learn_one_against_one(classes):
    rng = np.random.default_rng(classes)
    truth = np.concatenate([np.arange(classes), rng.integers(classes, size=83)])
    scores = rng.dirichlet(np.ones(classes), size=len(truth)).round(2)
    scores[:, 0] = 1 - scores[:, 1:].sum(axis=1)
    expected = roc_auc_score(truth, scores, multi_class="ovo", average="macro")
    assert metrics.hand_till_mauc(truth, scores) == pytest.approx(expected)


def test_mauc_of_two_classes_is_the_auc():
    rng = np.random.default_rng(0)
    truth, second = np.array([0, 1, 1, 0, 1, 0, 0]), rng.uniform(size=7)
    scores = np.column_stack([1 - second, second])
    assert metrics.hand_till_mauc(truth, scores) == pytest.approx(metrics.auc(truth, second))


def test_mauc_does_not_change_when_a_class_is_doubled():
    rng = np.random.default_rng(1)
    truth, scores = np.arange(30) % 3, rng.dirichlet(np.ones(3), size=30)
    doubled = np.concatenate([np.arange(30), np.flatnonzero(truth == 2)])
    assert metrics.hand_till_mauc(truth[doubled], scores[doubled]) == pytest.approx(
        metrics.hand_till_mauc(truth, scores)
    )


def test_mauc_names_the_missing_class():
    with pytest.raises(CohortError, match="number 2 has no scan"):
        metrics.hand_till_mauc(np.array([0, 1, 1]), np.full((3, 3), 1 / 3))


def test_balanced_accuracy_agrees_with_scikit_learn():
    rng = np.random.default_rng(2)
    truth, predicted = rng.integers(3, size=41), rng.integers(3, size=41)
    assert metrics.balanced_accuracy(truth, predicted) == pytest.approx(balanced_accuracy_score(truth, predicted))


def test_errors_of_a_hand_computed_case():
    truth, predicted = np.array([60.0, 70.0, 80.0]), np.array([63.0, 70.0, 76.0])
    assert metrics.mean_absolute_error(truth, predicted) == pytest.approx(7 / 3)
    assert metrics.root_mean_squared_error(truth, predicted) == pytest.approx(math.sqrt(25 / 3))
    assert metrics.mean_error(truth, predicted) == pytest.approx(-1 / 3)
    assert metrics.r_squared(truth, predicted) == pytest.approx(r2_score(truth, predicted))


def test_answering_the_mean_explains_nothing():
    truth = np.array([20.0, 41.0, 77.0])
    assert metrics.r_squared(truth, np.full(3, truth.mean())) == pytest.approx(0.0)


def test_what_is_undefined_is_nan():
    truth, constant = np.array([20.0, 41.0, 77.0]), np.full(3, 46.0)
    assert math.isnan(metrics.pearson(truth, constant))
    assert math.isnan(metrics.r_squared(constant, truth))


def test_calibration_error_is_the_gap_between_confidence_and_accuracy():
    probabilities = np.array([[0.9, 0.1], [0.9, 0.1], [0.9, 0.1], [0.9, 0.1]])
    assert metrics.expected_calibration_error(np.array([0, 0, 0, 1]), probabilities) == pytest.approx(0.15)
    assert metrics.expected_calibration_error(np.array([0]), np.array([[1.0, 0.0]])) == pytest.approx(0.0)


def test_scores_refuse_nan_and_unequal_lengths():
    with pytest.raises(ValueError, match="finite"):
        metrics.mean_absolute_error(np.array([1.0]), np.array([np.nan]))
    with pytest.raises(ValueError, match="2 for 1"):
        metrics.mean_absolute_error(np.array([1.0, 2.0]), np.array([1.0]))
