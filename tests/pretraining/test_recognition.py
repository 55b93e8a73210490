"""What patch location, rotation and jigsaw promise in common."""

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from medical_transformer.errors import CollapseError
from medical_transformer.pretraining import Jigsaw, PatchLocation, Rotation, UnlabelledBatch, draw_permutations
from medical_transformer.pretraining.recognition import Recognition, projection

from .conftest import Tiny

Build = Callable[[Tiny], Recognition]
TASKS: dict[str, tuple[Build, int]] = {
    "patch location": (PatchLocation, 26),
    "rotation": (Rotation, 10),
    "jigsaw": (lambda tiny: Jigsaw(tiny, draw_permutations(100, generator())), 100),
}


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.fixture(params=TASKS)
def built(request: pytest.FixtureRequest, tiny: Tiny) -> tuple[Recognition, int]:
    build, classes = TASKS[request.param]
    return build(tiny), classes


def test_chance_is_that_of_guessing_one_of_the_published_classes(built: tuple[Recognition, int]) -> None:
    task, classes = built
    assert task.chance == {"loss": math.log(classes), "accuracy": 1 / classes}
    assert task.top[-1].out_features == classes


def test_a_question_can_be_replayed_from_its_seed(built: tuple[Recognition, int], volumes: Tensor) -> None:
    task, _ = built
    one, again, other = (task.ask(volumes, generator(seed)) for seed in (3, 3, 4))
    assert torch.equal(one.parts, again.parts)
    assert torch.equal(one.answers, again.answers)
    assert not torch.equal(one.parts, other.parts)


def test_every_weight_of_the_backbone_learns(built: tuple[Recognition, int], batch: UnlabelledBatch) -> None:
    task, _ = built
    task(batch, generator()).backward()
    for name, value in task.named_parameters():
        assert value.grad is not None, name
        assert bool(value.grad.any()), name


def test_all_classes_are_asked_equally_often(built: tuple[Recognition, int]) -> None:
    task, classes = built
    small = torch.rand((500, 1, 9, 10, 11), generator=generator(1)) if classes == 10 else torch.rand(500, 1, 12, 15, 18)
    answers = torch.cat([task.ask(small, generator(seed)).answers for seed in range(8)])
    share = torch.bincount(answers, minlength=classes) / len(answers)
    assert len(share) == classes
    assert float((share * classes - 1).abs().max()) < 0.65


@torch.no_grad()
def test_validation_says_how_many_answers_were_right(built: tuple[Recognition, int], batch: UnlabelledBatch) -> None:
    task, classes = built
    task.eval()
    answers = task.ask(batch.volumes, generator(5)).answers
    bias = torch.zeros(classes)
    bias[answers[0]] = 50.0
    task.top[-1].weight.zero_()
    task.top[-1].bias.copy_(bias)
    numbers = task.validate([batch], generator(5))
    assert numbers["accuracy"] == pytest.approx(float((answers == answers[0]).float().mean()))
    assert numbers["loss"] == pytest.approx(50.0 * float((answers != answers[0]).float().mean()), abs=1e-3)


@torch.no_grad()
def test_a_network_that_says_nothing_is_at_chance(built: tuple[Recognition, int], batch: UnlabelledBatch) -> None:
    task, _ = built
    task.top[-1].weight.zero_()
    task.top[-1].bias.zero_()
    assert task.eval().validate([batch], generator())["loss"] == pytest.approx(task.chance["loss"], rel=1e-5)


@torch.no_grad()
def test_a_collapsed_encoder_is_named(built: tuple[Recognition, int], batch: UnlabelledBatch, tiny: Tiny) -> None:
    task, _ = built
    torch.nn.init.zeros_(tiny.coarse.weight)
    torch.nn.init.ones_(tiny.coarse.bias)
    with pytest.raises(CollapseError, match="collapsed"):
        task.eval().validate([batch], generator())


def test_the_top_has_the_published_widths() -> None:
    top = projection(512, 26)
    assert [layer.out_features for layer in top if isinstance(layer, torch.nn.Linear)] == [2048, 1024, 26]
    kinds = [type(layer).__name__ for layer in top]
    assert kinds == ["Linear", "ReLU", "BatchNorm1d", "Dropout"] * 2 + ["Linear"]
