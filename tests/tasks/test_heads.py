"""The heads against the plain way, which builds the 3-D map that they avoid."""

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from medical_transformer.backbones import MedicalTransformer
from medical_transformer.contracts import Encoding
from medical_transformer.errors import ConfigError
from medical_transformer.slices import Plane, assemble
from medical_transformer.tasks import SegmentationHead, VectorHead
from medical_transformer.tasks.heads import Standardisation, spread

FIELD = (13, 10, 17)
MAPS = [(13, 1, 1), (1, 10, 1), (1, 1, 17), (13, 3, 5), (2, 10, 5), (4, 3, 17), (13, 10, 17), (1, 1, 1), (7, 1, 6)]


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def some_maps() -> tuple[Tensor, ...]:
    return tuple(
        torch.randn((2, 3 + place, *shape), generator=generator(place), dtype=torch.float64)
        for place, shape in enumerate(MAPS)
    )


def encoding_of(maps: tuple[Tensor, ...]) -> Encoding:
    return Encoding(torch.zeros(2, 4, dtype=torch.float64), maps)


@pytest.fixture
def head() -> SegmentationHead:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return SegmentationHead([3 + place for place in range(len(MAPS))], 4).double()


def test_the_segmentation_head_equals_the_plain_one(head: SegmentationHead) -> None:
    encoding = encoding_of(some_maps())
    torch.testing.assert_close(head(encoding, FIELD), head.forward_plain(encoding, FIELD))


def test_its_gradients_equal_those_of_the_plain_one(head: SegmentationHead) -> None:
    direction = torch.randn((2, 4, *FIELD), generator=generator(9), dtype=torch.float64)
    found = []
    for forward in (head.forward, head.forward_plain):
        maps = tuple(one.requires_grad_() for one in some_maps())
        gradients = torch.autograd.grad(
            (forward(encoding_of(maps), FIELD) * direction).sum(), [*maps, head.linear.weight, head.linear.bias]
        )
        found.append(gradients)
    for quick, plain in zip(*found, strict=True):
        torch.testing.assert_close(quick, plain)


@torch.no_grad()
def test_the_segmentation_head_equals_the_plain_one_on_the_networks_maps(
    backbone: MedicalTransformer, volumes: Tensor
) -> None:
    head = SegmentationHead(backbone.map_channels, 4)
    encoding, shape = backbone(volumes, maps=True), volumes.shape[2:]
    assert head(encoding, shape).shape == (2, 4, *shape)
    torch.testing.assert_close(head(encoding, shape), head.forward_plain(encoding, shape), rtol=1e-4, atol=1e-5)


def test_a_map_is_spread_linearly_over_the_field_of_view() -> None:
    rising = torch.arange(4.0).view(1, 1, 4, 1, 1)
    spread_out = spread(rising, (8, 5, 6))
    assert spread_out.shape == (1, 1, 8, 1, 1)
    # A voxel of the map covers two of the field of view; its value stands in their middle.
    torch.testing.assert_close(spread_out.flatten(), torch.tensor([0, 0.25, 0.75, 1.25, 1.75, 2.25, 2.75, 3]))


def test_a_backbone_without_maps_cannot_segment() -> None:
    with pytest.raises(ConfigError, match="no feature maps"):
        SegmentationHead((), 4)


@torch.no_grad()
def test_the_vector_head_equals_a_linear_layer_on_every_voxel_averaged(
    backbone: MedicalTransformer, volumes: Tensor
) -> None:
    """Build the 3-D map of the paper: at every voxel the vectors of its three slices, side by side."""
    head = VectorHead(backbone.feature_size, 3)
    related = backbone.relate_slices({plane: one.vectors for plane, one in backbone.encode_slices(volumes).items()})
    parts = [assemble(related[plane][..., None, None], plane).expand(-1, -1, *volumes.shape[2:]) for plane in Plane]
    voxels = head.linear(torch.cat(parts, dim=1).movedim(1, -1))
    torch.testing.assert_close(head(backbone(volumes), volumes.shape[2:]), voxels.mean(dim=(1, 2, 3)))


def vectors(scans: int = 6) -> Tensor:
    """Vectors that differ a little between scans, as those of brains do."""
    return 3 + 0.01 * torch.randn((scans, 5), generator=generator(4))


def test_while_training_no_step_moves_all_answers_alike() -> None:
    """The gradient is that of a batch normalisation: none towards where all vectors go, much to where one goes."""
    moving = vectors().requires_grad_()
    answers = settled().train()(moving)
    (together,) = torch.autograd.grad(answers.sum(), moving, retain_graph=True)
    (one,) = torch.autograd.grad(answers[2].sum(), moving)
    assert together.abs().max() < 1e-3 * one.abs().max()
    torch.testing.assert_close(one.sum(dim=0), torch.zeros(5), rtol=0, atol=1e-3 * float(one.abs().max()))


def test_while_training_a_scan_is_measured_by_running_statistics_and_not_by_its_neighbours() -> None:
    few = vectors()[:4]
    found = settled().train()(few)
    expected = settled()
    expected.mean.lerp_(few.mean(dim=0), Standardisation.PACE)
    expected.variance.lerp_(few.var(dim=0, correction=0), Standardisation.PACE)
    torch.testing.assert_close(found, expected.eval()(few), rtol=1e-3, atol=1e-3)
    assert not torch.allclose(found, functional.batch_norm(few, None, None, training=True), atol=0.1)


@pytest.mark.parametrize(("factor", "spread"), [(1e1, 3.0), (1e-1, 1 / 3)])
def test_vectors_that_run_away_are_held_near(factor: float, spread: float) -> None:
    """Their batch's mean stays within one standard deviation, its spread within a factor of three."""
    centre = vectors().mean(dim=0)
    away = settled().train()((vectors() - centre) * factor + centre + 10)
    torch.testing.assert_close(away.mean(dim=0), torch.ones(5), rtol=0.01, atol=0)
    torch.testing.assert_close(away.std(dim=0, correction=0), torch.full((5,), spread), rtol=0.1, atol=0)


def settled() -> Standardisation:
    standardisation = Standardisation(5)
    standardisation.settle(vectors())
    return standardisation


def test_afterwards_a_scan_is_measured_by_the_training_scans_and_not_by_its_neighbours() -> None:
    standardisation = Standardisation(5).eval()
    torch.testing.assert_close(standardisation(vectors()), vectors(), rtol=0, atol=0)
    standardisation.settle(vectors())
    expected = (vectors() - vectors().mean(dim=0)) / vectors().std(dim=0, correction=0)
    torch.testing.assert_close(standardisation(vectors()), expected, rtol=1e-3, atol=1e-3)
    torch.testing.assert_close(standardisation(vectors()[2:3]), expected[2:3], rtol=1e-3, atol=1e-3)


def test_a_single_training_scan_is_measured_by_earlier_ones() -> None:
    standardisation = Standardisation(5).train()
    standardisation.settle(vectors())
    torch.testing.assert_close(standardisation(vectors()[:1]), standardisation.eval()(vectors()[:1]))


def test_standardising_adds_no_parameters() -> None:
    plain, standardising = VectorHead(5, 2, 3), VectorHead(5, 2, 3, standardise=True)
    assert [p.shape for p in plain.parameters()] == [p.shape for p in standardising.parameters()]
