"""The corrected resampled t-test against the ordinary one, and Holm's method against a worked example."""

import numpy as np
import pytest
from scipy import stats

from medical_transformer.evaluation import corrected_resampled_t, holm

DIFFERENCES = [0.4, 0.1, -0.2, 0.6, 0.3, 0.5, 0.2]


def test_without_shared_training_data_it_is_the_ordinary_t_test():
    found, expected = corrected_resampled_t(DIFFERENCES, 0.0), stats.ttest_1samp(DIFFERENCES, 0.0)
    assert found is not None
    assert (found.statistic, found.p_value) == pytest.approx((expected.statistic, expected.pvalue))
    assert found.degrees == 6


def test_the_variance_grows_by_test_over_train():
    plain, corrected = (corrected_resampled_t(DIFFERENCES, ratio) for ratio in (0.0, 1 / 4))
    assert corrected.statistic == pytest.approx(plain.statistic * np.sqrt((1 / 7) / (1 / 7 + 1 / 4)))
    assert corrected.p_value > plain.p_value


def test_undefined_folds_are_left_out_and_nothing_can_be_said_of_one_or_of_equal_ones():
    assert corrected_resampled_t([*DIFFERENCES, float("nan")], 0.2) == corrected_resampled_t(DIFFERENCES, 0.2)
    assert corrected_resampled_t([0.3, float("nan")], 0.2) is None
    assert corrected_resampled_t([0.3, 0.3, 0.3], 0.2) is None


def test_correlated_folds_rarely_pass_for_a_difference():
    # Scores of folds that share 1/5 of their variance through training data: the ordinary test finds 5 % too often.
    rng, found = np.random.default_rng(1), {0.0: 0, 1 / 4: 0}
    for _ in range(400):
        differences = rng.normal() * np.sqrt(0.2) + rng.normal(size=5) * np.sqrt(0.8)
        for ratio in found:
            found[ratio] += corrected_resampled_t(differences, ratio).p_value < 0.05
    assert found[1 / 4] / 400 < 0.07 < found[0.0] / 400


def test_holm_steps_down():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.9, 0.6]) == [1.0, 1.0]
    assert holm([]) == []


def test_a_test_that_could_not_be_made_is_none_of_the_family():
    assert holm([0.02, float("nan"), 0.03]) == pytest.approx([0.04, float("nan"), 0.04], nan_ok=True)
