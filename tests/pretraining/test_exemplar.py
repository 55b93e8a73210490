"""Stage 1: Eq. 1, its negatives, and what is refused."""

import math

import pytest
import torch
from torch import Tensor

from medical_transformer.backbones import MedicalTransformer, MedicalTransformerConfig
from medical_transformer.backbones.medical_transformer.slice_encoder import SliceFeatures
from medical_transformer.errors import CollapseError, TrainingError
from medical_transformer.pretraining import Exemplar, UnlabelledBatch
from medical_transformer.pretraining.exemplar import draw_negatives
from medical_transformer.slices import Plane


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


class Scripted(MedicalTransformer):
    """Answers with given slice vectors: first for the scans, then for their transformed selves."""

    def __init__(self, *answers: dict[Plane, Tensor]) -> None:
        super().__init__(MedicalTransformerConfig(width=4, embedding=4, layers=0))
        self.answers = list(answers)

    def encode_slices(self, volumes: Tensor, *, maps: bool = False) -> dict[Plane, SliceFeatures]:
        """Return the next answer, whatever the volumes."""
        return {plane: SliceFeatures(vectors, ()) for plane, vectors in self.answers.pop(0).items()}


def pair(*, margin: float) -> tuple[Exemplar, UnlabelledBatch]:
    """Two scans of two slices with vectors in the plane, so that each is the other's negative."""
    anchors = {
        Plane.SAGITTAL: torch.tensor([[[0.0, 0], [2, 0]], [[3, 4], [5, 4]]]),  # means (1, 0) and (4, 4): 5 apart
        Plane.CORONAL: torch.tensor([[[0.0, 0], [0, 0]], [[0, 1], [0, 3]]]),  # (0, 0) and (0, 2): 2 apart
        Plane.AXIAL: torch.tensor([[[1.0, 1], [1, 1]], [[1, 1], [1, 1]]]),  # equal
    }
    moves = {
        Plane.SAGITTAL: torch.tensor([[[0.0, 3]], [[6, 0]]]),  # 3 and 6
        Plane.CORONAL: torch.tensor([[[1.0, 0]], [[0, 0]]]),  # 1 and 0
        Plane.AXIAL: torch.tensor([[[0.0, 0]], [[3, 4]]]),  # 0 and 5
    }
    positives = {plane: anchors[plane] + moves[plane] for plane in Plane}
    scripted = Scripted(anchors, positives)
    return Exemplar(scripted, margin=margin), UnlabelledBatch(torch.rand(2, 1, 3, 4, 5), ("one", "other"))


def test_the_loss_is_equation_1_averaged_over_planes() -> None:
    objective, batch = pair(margin=1.0)
    # Of the first scan in the sagittal plane: the positive is 3 away, the negative 5, so max(0, 3 - 5 + 1) is 0.
    by_hand = ((0 + 2) / 2 + (0 + 0) / 2 + (1 + 6) / 2) / 3
    assert float(objective(batch, generator())) == pytest.approx(by_hand, abs=1e-5)


def test_the_margin_is_that_of_equation_1() -> None:
    objective, batch = pair(margin=3.0)
    by_hand = ((1 + 4) / 2 + (2 + 1) / 2 + (3 + 8) / 2) / 3
    assert float(objective(batch, generator())) == pytest.approx(by_hand, abs=1e-5)


def test_validation_tells_the_same_loss_and_how_many_triplets_are_in_order() -> None:
    objective, batch = pair(margin=1.0)
    numbers = objective.validate([batch], generator())
    assert numbers["loss"] == pytest.approx(((0 + 2) + (0 + 0) + (1 + 6)) / 6, abs=1e-5)
    # Nearer to the transformed self: sagittal 3 < 5, coronal 1 < 2 and 0 < 2; not 6 < 5, 0 < 0, 5 < 0.
    assert numbers["triplet_accuracy"] == pytest.approx(3 / 6)


def test_negatives_never_belong_to_the_same_subject() -> None:
    subjects = ("a", "a", "b", "a", "c", "b")
    for seed in range(200):
        negatives = draw_negatives(subjects, generator(seed)).tolist()
        assert all(subjects[negative] != subject for negative, subject in zip(negatives, subjects, strict=True))


def test_every_scan_of_another_subject_can_be_a_negative() -> None:
    found = {int(draw_negatives(("a", "a", "b", "c"), generator(seed))[0]) for seed in range(100)}
    assert found == {2, 3}


def test_a_batch_of_one_subject_is_refused() -> None:
    with pytest.raises(TrainingError, match=r"'sub-1'.*no negative"):
        draw_negatives(("sub-1", "sub-1"), generator())


def test_the_gradient_reaches_every_encoder_and_not_the_transformer(
    backbone: MedicalTransformer, batch: UnlabelledBatch
) -> None:
    objective = Exemplar(backbone, margin=100.0)
    objective(batch, generator()).backward()
    moved = {name for name, value in backbone.named_parameters() if value.grad is not None}
    assert moved == {name for name, _ in backbone.named_parameters() if name.startswith("encoders.")}
    assert {name for name, _ in objective.named_parameters()} == moved


def test_the_gradient_stays_finite_where_two_scans_are_encoded_alike(
    backbone: MedicalTransformer, volumes: Tensor
) -> None:
    same = UnlabelledBatch(volumes[:1].expand(2, -1, -1, -1, -1), ("one", "other"))
    Exemplar(backbone)(same, generator()).backward()
    assert all(bool(value.grad.isfinite().all()) for value in backbone.encoders.parameters() if value.grad is not None)


def test_all_draws_come_from_the_generator(backbone: MedicalTransformer, batch: UnlabelledBatch) -> None:
    objective = Exemplar(backbone, margin=5.0)
    with torch.no_grad(), torch.random.fork_rng():
        torch.manual_seed(1)
        one = objective(batch, generator(3))
        torch.manual_seed(2)
        assert torch.equal(objective(batch, generator(3)), one)
        assert not torch.equal(objective(batch, generator(4)), one)


@torch.no_grad()
def test_a_collapsed_encoder_is_detected_and_named(backbone: MedicalTransformer, batch: UnlabelledBatch) -> None:
    for encoder in backbone.encoders.values():
        torch.nn.init.zeros_(encoder.embed.weight)
        torch.nn.init.ones_(encoder.embed.bias)
    with pytest.raises(CollapseError, match="collapsed"):
        Exemplar(backbone).validate([batch], generator())


@torch.no_grad()
def test_an_encoder_that_says_nothing_at_all_is_collapsed_too(
    backbone: MedicalTransformer, batch: UnlabelledBatch
) -> None:
    for encoder in backbone.encoders.values():
        torch.nn.init.zeros_(encoder.embed.weight)
    with pytest.raises(CollapseError):
        Exemplar(backbone).validate([batch], generator())


@torch.no_grad()
def test_a_fresh_encoder_is_not_collapsed(backbone: MedicalTransformer, batch: UnlabelledBatch) -> None:
    assert math.isfinite(Exemplar(MedicalTransformer(backbone.config)).validate([batch], generator())["loss"])


@torch.no_grad()
def test_validation_finds_negatives_in_other_batches(backbone: MedicalTransformer, volumes: Tensor) -> None:
    """Validation scans stand in the order of the cohort, so a short last batch may hold one subject only."""
    batches = [UnlabelledBatch(volumes[:3], ("a", "b", "b")), UnlabelledBatch(volumes[3:], ("c",))]
    numbers = Exemplar(backbone).validate(batches, generator())
    assert all(math.isfinite(number) for number in numbers.values())


@torch.no_grad()
def test_how_validation_is_batched_does_not_matter_to_collapse(backbone: MedicalTransformer, volumes: Tensor) -> None:
    for encoder in backbone.encoders.values():
        torch.nn.init.zeros_(encoder.embed.weight)
        torch.nn.init.ones_(encoder.embed.bias)
    batches = [UnlabelledBatch(volumes[i : i + 1], (f"sub-{i}",)) for i in range(4)]
    with pytest.raises(CollapseError):
        Exemplar(backbone).validate(batches, generator())
