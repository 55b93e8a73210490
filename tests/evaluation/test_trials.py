"""Many evaluations side by side."""

import pytest

from medical_transformer.evaluation import EvaluationResult, FoldResult, MethodFacts, SubjectPrediction, Trial, Trials


def trial(method: str = "transfer", *, fraction: float = 1.0, seed: int = 0, task: str = "brain-age") -> Trial:
    predictions = tuple(
        SubjectPrediction(scan=f"s{i}", subject=f"p{i}", fold=1, truth=20.0 + i, prediction=21.0 + i) for i in range(4)
    )
    result = EvaluationResult(
        task="regression",
        label="age_years",
        primary_metric="mae",
        predictions=predictions,
        folds=(FoldResult(fold=1, metrics={"mae": 1.0}),),
    )
    return Trial(method=method, task=task, fraction=fraction, seed=seed, result=result)


def trials(*these: Trial) -> Trials:
    methods = (MethodFacts(name="scratch", title="From scratch"), MethodFacts(name="transfer", title="Ours"))
    return Trials(title="drawn", reference="transfer", methods=methods, trials=these)


def test_the_seeds_of_a_method_come_in_order_and_alone():
    both = trials(trial(seed=2), trial(seed=1), trial("scratch", seed=1), trial(seed=1, fraction=0.1))
    assert [one.seed for one in both.of("transfer", "brain-age")] == [1, 2]
    assert both.of("transfer", "sex") == ()
    assert both.fractions == (0.1, 1.0)
    assert both.tasks == ("brain-age",)


def test_a_trial_cannot_be_counted_twice():
    with pytest.raises(ValueError, match="same method, task, share"):
        trials(trial(), trial())


def test_a_method_without_facts_is_named():
    with pytest.raises(ValueError, match="'medicalnet'"):
        trials(trial("medicalnet"))


def test_a_share_of_the_labels_is_a_share():
    with pytest.raises(ValueError, match=r"got 1\.5"):
        trial(fraction=1.5)
