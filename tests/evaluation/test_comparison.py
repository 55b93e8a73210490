"""Two methods on the same subjects: a real difference is seen, none is not invented."""

from dataclasses import replace

import numpy as np
import pytest

from medical_transformer.evaluation import EvaluationResult, FoldResult, SubjectPrediction, compare


def answers(error: float, seed: int = 0, count: int = 60) -> EvaluationResult:
    shared, own = np.random.default_rng(0), np.random.default_rng(seed)
    truth, hard = shared.uniform(20, 80, count), shared.normal(0, 8, count)
    predicted = truth + hard + error * np.sign(hard) + own.normal(0, 0.3, count)
    rows = tuple(
        SubjectPrediction(scan=f"s{k}", subject=f"S{k}", fold=1, truth=float(a), prediction=float(b))
        for k, (a, b) in enumerate(zip(truth, predicted, strict=True))
    )
    fold = FoldResult(fold=1, metrics={})
    return EvaluationResult(
        task="regression", label="age_years", unit="years", primary_metric="mae", predictions=rows, folds=(fold,)
    )


def test_a_method_that_errs_a_year_more_is_told_apart_though_the_intervals_overlap():
    good, bad = answers(0.0, seed=1), answers(1.0, seed=2)
    found = compare(good, bad, resamples=500)
    assert found.difference == pytest.approx(-1.0, abs=0.2)
    assert found.interval is not None
    assert found.interval.high < 0
    alone = (result.summary(resamples=500)["mae"].interval for result in (good, bad))
    first, second = alone
    assert first.high > second.low


def test_two_equal_methods_are_not_told_apart():
    told_apart = 0
    for seed in range(40):
        one, other = answers(0.0, seed=2 * seed), answers(0.0, seed=2 * seed + 1)
        interval = compare(one, other, seed=seed, resamples=200).interval
        told_apart += interval is None or not interval.low <= 0 <= interval.high
    assert told_apart <= 6  # 2 are expected of 40 intervals of 95 %


def test_swapping_the_methods_turns_the_sign():
    good, bad = answers(0.0, seed=1), answers(1.0, seed=2)
    there, back = compare(good, bad, resamples=200), compare(bad, good, resamples=200)
    assert there.difference == pytest.approx(-back.difference)


def test_the_order_of_the_predictions_does_not_matter():
    good, bad = answers(0.0, seed=1), answers(1.0, seed=2)
    turned = replace(bad, predictions=bad.predictions[::-1])
    assert compare(good, turned, resamples=100) == compare(good, bad, resamples=100)


def test_other_scans_other_truths_and_unknown_scores_are_refused():
    result = answers(0.0)
    with pytest.raises(ValueError, match="1 scans are in one"):
        compare(result, replace(result, predictions=result.predictions[1:]))
    lie = (replace(result.predictions[0], truth=1.0), *result.predictions[1:])
    with pytest.raises(ValueError, match="another truth"):
        compare(result, replace(result, predictions=lie))
    with pytest.raises(ValueError, match="'mauc'"):
        compare(result, result, metric="mauc")
