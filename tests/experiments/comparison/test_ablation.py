"""Table 5 sets two networks side by side that differ in the transformer alone, where there are two."""

from collections.abc import Callable
from typing import Any

import pytest

from medical_transformer.evaluation import Ablation
from medical_transformer.experiments.comparison.ablation import ablation_of
from medical_transformer.experiments.comparison.config import ComparisonConfig

BARE = {"backbone": {"settings": {"layers": 0}}}
Experiment = Callable[..., ComparisonConfig]


def ablation(experiment: Experiment, reference: str, **methods: dict[str, Any]) -> Ablation | None:
    return ablation_of(experiment(methods=methods, reference=reference, pretraining={"taught": {"prepared": "x"}}))


@pytest.mark.parametrize("reference", ["scratch", "transfer"])
def test_both_start_alike_whichever_is_the_reference(experiment: Experiment, reference: str) -> None:
    methods = {
        "scratch": {},
        "transfer": {"pretraining": "taught"},
        "fitted": {"pretraining": "taught", "head": "fitted"},
    }
    assert ablation(experiment, reference, bare=BARE, **methods) == Ablation("scratch", "bare")
    taught = BARE | {"pretraining": "taught"}
    assert ablation(experiment, reference, bare=taught, **methods) == Ablation("transfer", "bare")
    assert ablation(experiment, reference, bare=taught | {"head": "fitted"}, **methods) == Ablation("fitted", "bare")


def test_two_encoders_are_never_the_same_weights_but_both_are_pre_trained(experiment: Experiment) -> None:
    methods = {"transfer": {"encoder": "a"}, "bare": BARE | {"encoder": "b"}}
    assert ablation(experiment, "transfer", **methods) == Ablation("transfer", "bare")


def test_of_two_that_are_as_much_alike_the_reference_is_taken(experiment: Experiment) -> None:
    assert ablation(experiment, "two", bare=BARE, one={}, two={}) == Ablation("two", "bare")


def test_it_is_said_where_they_differ_in_more(experiment: Experiment) -> None:
    slow = {"training": {"learning_rate": 1e-5}}
    assert ablation(experiment, "slow", bare=BARE, slow=slow) == Ablation("slow", "bare", alike=False)
    methods = {"transfer": {"pretraining": "taught"}, "bare": BARE}
    assert ablation(experiment, "transfer", **methods) == Ablation("transfer", "bare", alike=False)


def test_networks_of_others_and_linear_models_are_not_the_transformer(experiment: Experiment) -> None:
    rival = {"backbone": {"name": "3d-ssl"}}
    assert ablation(experiment, "rival", rival=rival, bare=BARE, linear={"kind": "classical"}) is None
    assert ablation(experiment, "rival", rival=rival, scratch={}) is None
