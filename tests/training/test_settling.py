"""What a network with batch normalisation predicts with, whatever dropout and few steps did to running statistics."""

from collections.abc import Iterable, Mapping
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from medical_transformer.contracts import Objective
from medical_transformer.training import TrainingConfig, fit
from medical_transformer.training.fit import Split

from .conftest import Line, Pairs, PairSource

SPLIT = Split(tuple(range(16)), tuple(range(16, 23)))


class Normed(Objective[Pairs]):
    """A line on normalised features, which dropout spreads while training; it notes how it was called."""

    def __init__(self) -> None:
        super().__init__()
        with torch.random.fork_rng():
            torch.manual_seed(1)
            self.features, self.line = nn.Linear(3, 4), nn.Linear(4, 1)
        self.dropout, self.norm = nn.Dropout(0.5), nn.BatchNorm1d(4, momentum=0.5)
        self.seen: list[tuple[str, int]] = []
        self.shown: list[Tensor] = []

    def forward(self, batch: Pairs, generator: torch.Generator) -> Tensor:
        """Return the mean squared error."""
        if not self.training:
            self.seen.append(("measured", len(batch.given)))
            self.shown.append(batch.given)
        return (self.answer(batch.given) - batch.wanted).square().mean()

    def settle(self, batches: Iterable[Pairs]) -> None:
        """Note that it is done with the new statistics."""
        self.seen.append(("settled", len(list(batches))))

    def validate(self, batches: Iterable[Pairs], generator: torch.Generator) -> Mapping[str, float]:
        """Return the mean squared error."""
        self.seen.append(("validated", 0))
        return {"loss": float(torch.cat([(self.answer(one.given) - one.wanted).square() for one in batches]).mean())}

    def before_norm(self, given: Tensor) -> Tensor:
        """Return what the norm sees."""
        return self.dropout(self.features(given).relu())

    def answer(self, given: Tensor) -> Tensor:
        """Predict."""
        answer: Tensor = self.line(self.norm(self.before_norm(given)))
        return answer


def trained(**settings: Any) -> tuple[Normed, PairSource]:
    objective, source = Normed(), PairSource()
    given = {"epochs": 1, "batch_size": 8, "learning_rate": 0.01, "device": "cpu", **settings}
    fit(objective, source, SPLIT, TrainingConfig(**given))
    return objective, source


@pytest.mark.parametrize("epochs", [1, 3])
def test_a_norm_predicts_with_the_mean_statistics_of_training_batches_without_dropout(epochs: int) -> None:
    """By the last epoch's weights, and as if there had been no other batches before."""
    objective, source = trained(epochs=epochs)
    batches = objective.shown[-2:]
    torch.testing.assert_close(torch.cat(batches).sum(dim=0), source.given[:16].sum(dim=0), atol=0.2, rtol=0)  # noise
    seen = [objective.before_norm(given).detach() for given in batches]
    torch.testing.assert_close(objective.norm.running_mean, torch.stack([one.mean(dim=0) for one in seen]).mean(dim=0))
    torch.testing.assert_close(objective.norm.running_var, torch.stack([one.var(dim=0) for one in seen]).mean(dim=0))


def test_the_norm_is_left_as_its_settings_say() -> None:
    objective, _ = trained()
    assert objective.norm.momentum == 0.5
    assert not objective.norm.training


def test_norms_are_measured_before_the_objective_settles_and_validates() -> None:
    objective, _ = trained(epochs=2)
    measured_and_settled = [("measured", 8), ("measured", 8), ("settled", 2)]
    assert objective.seen == [*measured_and_settled, *([*measured_and_settled, ("validated", 0)] * 2)]


def test_dropout_draws_nothing_while_norms_are_measured() -> None:
    def drawn(objective: Objective[Pairs]) -> Tensor:
        with torch.random.fork_rng():
            torch.manual_seed(3)
            fit(objective, PairSource(), SPLIT, TrainingConfig(epochs=1, batch_size=8, device="cpu"))
            return torch.rand(1)

    assert torch.equal(drawn(Normed()), drawn(Line()))


def test_a_network_without_such_norms_loads_no_scan_for_them() -> None:
    plain, source = Line(), PairSource()
    fit(plain, source, SPLIT, TrainingConfig(epochs=2, batch_size=8, device="cpu"))
    assert source.loaded == 2 * (2 + 1)
