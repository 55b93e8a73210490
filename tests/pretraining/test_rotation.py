"""The ten rotations: the published ones, distinct, and no mirror image among them."""

import itertools

import pytest
import torch
from torch import Tensor

from medical_transformer.pretraining import Rotation
from medical_transformer.pretraining.rotation import ROTATIONS, rotate

from .conftest import Tiny

# As the class numbers of the authors' public code are described: plane of the turn and quarter turns.
PUBLISHED = {
    0: ((0, 1), 0), 1: ((0, 1), 1), 2: ((0, 1), 2), 3: ((0, 1), 3), 4: ((1, 2), 3),
    5: ((1, 2), 2), 6: ((1, 2), 1), 7: ((0, 2), 3), 8: ((0, 2), 2), 9: ((0, 2), 1),
}  # fmt: skip


def matrix(number: int) -> Tensor:
    """Find the rotation of a class from where it brings the places of a cube."""
    places = torch.stack(torch.meshgrid(*[torch.arange(5.0) - 2] * 3, indexing="ij"))
    turned = rotate(places[None], torch.tensor([number]))[0]
    return torch.linalg.lstsq(places.flatten(1).T, turned.flatten(1).T).solution.T


def test_the_classes_are_the_published_ones() -> None:
    assert dict(enumerate(ROTATIONS)) == PUBLISHED


def test_every_class_is_a_proper_rotation() -> None:
    for number in range(10):
        found = matrix(number)
        torch.testing.assert_close(found @ found.T, torch.eye(3), atol=1e-5, rtol=0)
        assert float(torch.linalg.det(found)) == pytest.approx(1, abs=1e-5)


def test_no_two_classes_are_alike_and_the_first_leaves_all_as_it_is() -> None:
    matrices = [matrix(number) for number in range(10)]
    torch.testing.assert_close(matrices[0], torch.eye(3), atol=1e-5, rtol=0)
    for one, other in itertools.combinations(matrices, 2):
        assert float((one - other).abs().max()) > 0.9


def test_each_axis_has_its_three_turns() -> None:
    """The axis of a turn is what it leaves in place; the trace tells the angle: 1 for 90, -1 for 180 degrees."""
    for axis, numbers in {2: (1, 2, 3), 0: (4, 5, 6), 1: (7, 8, 9)}.items():
        turns = [matrix(number) for number in numbers]
        assert all(float(turn[axis, axis]) == pytest.approx(1, abs=1e-5) for turn in turns)
        assert sorted(round(float(turn.trace())) for turn in turns) == [-1, 1, 1]
        torch.testing.assert_close(turns[0] @ turns[2], torch.eye(3), atol=1e-5, rtol=0)


def test_a_volume_with_unequal_axes_loses_no_voxel(tiny: Tiny) -> None:
    volumes = torch.rand((6, 1, 7, 11, 9), generator=torch.Generator().manual_seed(0))
    question = Rotation(tiny).ask(volumes, torch.Generator().manual_seed(1))
    assert question.parts.shape == (6, 1, 1, 11, 11, 11)
    for given, shown in zip(volumes, question.parts, strict=True):
        torch.testing.assert_close(given.flatten().sort().values, shown.flatten().sort().values[-given.numel() :])


def test_the_side_of_the_cube_can_be_stated(tiny: Tiny) -> None:
    volumes = torch.rand((2, 1, 7, 11, 9), generator=torch.Generator().manual_seed(0))
    assert Rotation(tiny, side=8).ask(volumes, torch.Generator()).parts.shape[3:] == (8, 8, 8)
