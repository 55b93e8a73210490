"""The 3-D exemplar: its triplet loss by hand, and negatives of other subjects."""

import pytest
import torch
from torch import Tensor

from medical_transformer.contracts import Backbone, Encoding
from medical_transformer.errors import CollapseError, TrainingError
from medical_transformer.pretraining import UnlabelledBatch, VolumeExemplar

from .conftest import Tiny


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


class Scripted(Backbone):
    """Answers with given vectors: first for the augmented scans, then for the scans as they are."""

    def __init__(self, *answers: Tensor) -> None:
        super().__init__()
        self.in_channels, self.feature_size, self.map_channels = 1, answers[0].shape[1], ()
        self.answers = list(answers)

    def forward(self, volumes: Tensor, *, maps: bool = False) -> Encoding:
        """Return the next answer."""
        return Encoding(self.answers.pop(0), ())


def logit(value: list[list[float]]) -> Tensor:
    """Return vectors whose sigmoid is given."""
    return torch.tensor(value).logit()


def scripted(margin: float, **settings: bool) -> tuple[VolumeExemplar, UnlabelledBatch]:
    """Two scans, each the other's negative, whose codes are the sigmoid of their vectors."""
    anchors, originals = logit([[0.9, 0.1], [0.5, 0.5]]), logit([[0.7, 0.1], [0.1, 0.9]])
    task = VolumeExemplar(Scripted(anchors, originals), margin=margin, code_size=2, **settings)
    for layer in task.coders:
        torch.nn.init.eye_(layer.weight)  # type: ignore[arg-type]
        torch.nn.init.zeros_(layer.bias)  # type: ignore[arg-type]
    return task, UnlabelledBatch(torch.rand(2, 1, 4, 5, 6), ("one", "other"))


# Mean squared distances of the codes: to the positive 0.02 and 0.16, to the negative 0.64 and 0.10.
BY_HAND = {1.0: (0.38 + 1.06) / 2, 0.1: (0 + 0.16) / 2}


@pytest.mark.parametrize("separate", [False, True])
@pytest.mark.parametrize("margin", BY_HAND)
def test_the_loss_is_the_published_triplet_loss(margin: float, separate: bool) -> None:
    task, batch = scripted(margin, separate_layers=separate)
    assert float(task(batch, generator())) == pytest.approx(BY_HAND[margin], abs=1e-5)


def test_validation_tells_the_same_loss_and_how_many_triplets_are_in_order() -> None:
    task, batch = scripted(1.0)
    with torch.no_grad():
        numbers = task.validate([batch], generator())
    assert numbers["loss"] == pytest.approx(BY_HAND[1.0], abs=1e-5)
    assert numbers["triplet_accuracy"] == 0.5


def test_one_layer_codes_all_three_unless_three_are_asked_for(tiny: Tiny) -> None:
    assert len(VolumeExemplar(tiny).coders) == 1
    assert len(VolumeExemplar(tiny, separate_layers=True).coders) == 3
    assert VolumeExemplar(tiny).coders[0].out_features == 1024


def test_every_weight_learns(tiny: Tiny, batch: UnlabelledBatch) -> None:
    task = VolumeExemplar(tiny, separate_layers=True)
    task(batch, generator()).backward()
    assert all(value.grad is not None and bool(value.grad.any()) for value in task.parameters())


def test_all_draws_come_from_the_generator(tiny: Tiny, batch: UnlabelledBatch) -> None:
    task = VolumeExemplar(tiny).eval()
    with torch.no_grad():
        one, again, other = (float(task(batch, generator(seed))) for seed in (3, 3, 4))
    assert one == again
    assert one != other


def test_a_batch_of_one_subject_is_refused(tiny: Tiny, volumes: Tensor) -> None:
    with pytest.raises(TrainingError, match=r"'sub-1'.*no negative"):
        VolumeExemplar(tiny)(UnlabelledBatch(volumes, ("sub-1",) * 4), generator())


@torch.no_grad()
def test_a_collapsed_encoder_is_named(tiny: Tiny, batch: UnlabelledBatch) -> None:
    torch.nn.init.zeros_(tiny.coarse.weight)
    torch.nn.init.ones_(tiny.coarse.bias)
    with pytest.raises(CollapseError, match="collapsed"):
        VolumeExemplar(tiny).validate([batch], generator())
