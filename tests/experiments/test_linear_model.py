"""The linear models of the classical baseline and the probe."""

from pathlib import Path

import numpy as np
import pytest
from scipy.special import softmax

from medical_transformer.cohorts import Scan
from medical_transformer.experiments.linear_model import fit_linear
from medical_transformer.tasks import AnyTask, Classification, Regression

AGE = Regression(label="age_years", unit="years")
SEX = Classification(label="sex", classes=("female", "male"))
GROUP = Classification(label="group", classes=("middle", "old", "young"))


def people(count: int, seed: int) -> tuple[np.ndarray, list[Scan]]:
    """Draw features of which the first tells the age and a feature that hardly ever varies."""
    rng = np.random.default_rng(seed)
    features = rng.normal(0, [0.1, 0.1, 0.2, 1e-9], (count, 4)) + 0.5
    ages = 50 + 100 * (features[:, 0] - 0.5)
    groups = np.array(["young", "middle", "old"])[np.digitize(ages, [45, 55])]
    labels = [
        {"age_years": float(age), "sex": ("female", "male")[int(age > 50)], "group": str(group)}
        for age, group in zip(ages, groups, strict=True)
    ]
    scans = [
        Scan(subject=f"{place}", name=f"{place}", images={"T1w": Path("x.nii.gz")}, labels=label)
        for place, label in enumerate(labels)
    ]
    return features, scans


@pytest.mark.parametrize("task", [AGE, SEX, GROUP], ids=lambda task: task.label)
def test_the_layer_answers_as_the_model_does(task: AnyTask) -> None:
    model = fit_linear(task, people(60, 0), people(20, 1))
    features, scans = people(10, 2)
    weight, bias = model.layer()
    outputs = features @ weight.T + bias
    for one, output in zip(model.answer(features, scans, fold=0), outputs, strict=True):
        if isinstance(task, Classification):
            expected = [one.probabilities[name] for name in task.classes]
            np.testing.assert_allclose(softmax(output), expected, atol=1e-6)
        else:
            assert output[0] == pytest.approx(one.prediction)


def test_what_the_features_tell_is_learnt() -> None:
    features, scans = people(10, 2)
    answers = fit_linear(AGE, people(60, 0), people(20, 1)).answer(features, scans, fold=0)
    assert np.mean([abs(float(one.prediction) - one.truth) for one in answers]) < 0.5


def test_a_feature_that_hardly_varied_in_training_cannot_blow_an_answer_up() -> None:
    model = fit_linear(AGE, people(60, 0), people(20, 1))
    features, scans = people(1, 2)
    strange = features + np.array([0, 0, 0, 0.1])
    near, far = (model.answer(one, scans, fold=0)[0].prediction for one in (features, strange))
    assert abs(float(far) - float(near)) < 20


def test_a_measure_of_its_own_has_the_same_say_however_many_features_stand_beside_it() -> None:
    """The other features know nothing of the age, and the measure has another unit."""
    for others in (30, 3000):
        (features, scans), (more, checked) = people(60, 0), people(20, 1)
        noise = np.random.default_rng(7).normal(0, 0.1, (80, others))
        alone = np.column_stack([noise[:60], 1e-6 * features[:, 0]]), np.column_stack([noise[60:], 1e-6 * more[:, 0]])
        model = fit_linear(AGE, (alone[0], scans), (alone[1], checked), own=1)
        answers = model.answer(alone[1], checked, fold=0)
        assert np.mean([abs(float(one.prediction) - one.truth) for one in answers]) < 5  # 8 for always the mean
