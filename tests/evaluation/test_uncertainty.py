"""Intervals against scipy, against theory, and on the cases that have none."""

import numpy as np
import pytest
from scipy import stats

from medical_transformer.evaluation import bootstrap_interval


def test_interval_of_a_mean_agrees_with_scipy():
    values = np.random.default_rng(4).exponential(size=60)
    names = [f"S{k}" for k in range(60)]
    ours = bootstrap_interval(lambda chosen: float(values[chosen].mean()), names, resamples=5000)
    theirs = stats.bootstrap(
        (values,), np.mean, n_resamples=5000, method="BCa", random_state=np.random.default_rng(0)
    ).confidence_interval
    assert ours is not None
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high), abs=0.03)


def test_the_seed_decides_the_interval():
    values, names = np.random.default_rng(6).normal(size=30), [str(k) for k in range(30)]
    one, same, other = (
        bootstrap_interval(lambda chosen: float(values[chosen].mean()), names, seed=seed, resamples=200)
        for seed in (1, 1, 2)
    )
    assert one == same
    assert one != other


def test_repeating_every_scan_makes_nobody_surer():
    values = np.random.default_rng(7).normal(size=40)
    names = [f"S{k}" for k in range(40)]
    once = bootstrap_interval(lambda chosen: float(values[chosen].mean()), names, resamples=500)
    doubled = np.repeat(values, 3)
    thrice = bootstrap_interval(
        lambda chosen: float(doubled[chosen].mean()), np.repeat(names, 3).tolist(), resamples=500
    )
    assert once is not None
    assert thrice is not None
    assert (thrice.low, thrice.high) == pytest.approx((once.low, once.high))


def test_intervals_cover_the_truth_about_as_often_as_they_say():
    rng, hits = np.random.default_rng(8), 0
    names = [str(k) for k in range(40)]
    for seed in range(100):
        values = rng.normal(size=40)
        found = bootstrap_interval(
            lambda chosen, values=values: float(values[chosen].mean()), names, seed=seed, resamples=300
        )
        hits += found is not None and found.low <= 0 <= found.high
    assert 85 <= hits <= 100


def test_there_is_no_interval_of_one_subject_nor_of_an_undefined_score():
    assert bootstrap_interval(lambda _: 1.0, ["A", "A"]) is None
    assert bootstrap_interval(lambda _: float("nan"), ["A", "B"]) is None


def test_a_constant_score_has_an_interval_of_no_width():
    found = bootstrap_interval(lambda _: 0.5, ["A", "B", "C"], resamples=50)
    assert found is not None
    assert found.low == found.high == 0.5
