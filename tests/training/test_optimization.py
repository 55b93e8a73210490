import math

import pytest
import torch
from pydantic import ValidationError
from torch import nn

from medical_transformer.training import TrainingConfig
from medical_transformer.training.optimization import build_optimizer, learning_rate

PAPER = TrainingConfig()


def test_the_defaults_are_the_papers() -> None:
    found = (PAPER.learning_rate, PAPER.decay, PAPER.epochs, PAPER.patience, PAPER.batch_size)
    assert found == (1e-4, 0.99, 150, 30, 10)


@pytest.mark.parametrize(("epoch", "power"), [(0.0, 0), (0.97, 0), (1.0, 1), (17.5, 17), (149.99, 149)])
def test_the_rate_is_multiplied_by_0_99_after_every_epoch(epoch: float, power: int) -> None:
    assert learning_rate(PAPER, epoch) == pytest.approx(1e-4 * 0.99**power, rel=1e-12)


def test_the_cosine_warms_up_in_a_line() -> None:
    config = TrainingConfig(schedule="cosine", warmup_epochs=4, epochs=20, learning_rate=1e-3)
    rates = [learning_rate(config, epoch) for epoch in (0.0, 1.0, 2.0, 3.0)]
    assert rates[0] > 0
    assert rates[1:] == pytest.approx([0.25e-3, 0.5e-3, 0.75e-3], rel=2e-3)


@pytest.mark.parametrize("epoch", [4.0, 8.0, 12.0, 19.5, 20.0])
def test_the_cosine_falls_from_the_rate_to_zero(epoch: float) -> None:
    config = TrainingConfig(schedule="cosine", warmup_epochs=4, epochs=20, learning_rate=1e-3)
    expected = 0.5e-3 * (1 + math.cos(math.pi * (epoch - 4) / 16))
    assert learning_rate(config, epoch) == pytest.approx(expected, abs=1e-12)


def test_the_cosine_needs_no_warm_up() -> None:
    config = TrainingConfig(schedule="cosine", warmup_epochs=0, epochs=10, learning_rate=1e-3)
    assert learning_rate(config, 0.0) == pytest.approx(1e-3)


@pytest.mark.parametrize("warmup", [10.0, 12.5])
def test_a_warm_up_that_takes_all_epochs_is_refused(warmup: float) -> None:
    TrainingConfig(schedule="decay", warmup_epochs=warmup, epochs=10)
    with pytest.raises(ValidationError, match=r"warm-up of 1[02](\.5)? epochs never ends in a training of 10"):
        TrainingConfig(schedule="cosine", warmup_epochs=warmup, epochs=10)


def test_without_weight_decay_the_optimiser_is_adam() -> None:
    """Take the same steps with torch's Adam."""
    network, reference = nn.Linear(3, 1), nn.Linear(3, 1)
    reference.load_state_dict(network.state_dict())
    optimizers = build_optimizer(network, PAPER), torch.optim.Adam(reference.parameters(), lr=1e-4)
    for step in range(5):
        given = torch.randn((4, 3), generator=torch.Generator().manual_seed(step))
        for one, optimizer in zip((network, reference), optimizers, strict=True):
            optimizer.zero_grad()
            one(given).square().mean().backward()
            optimizer.step()
    assert torch.equal(network.weight, reference.weight)


def test_frozen_weights_are_not_trained() -> None:
    network = nn.Linear(3, 1)
    network.bias.requires_grad_(False)
    (group,) = build_optimizer(network, PAPER).param_groups
    assert [one.shape for one in group["params"]] == [network.weight.shape]
