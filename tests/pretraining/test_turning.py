"""The published augmentation of the 3-D exemplar: its rates, and what each part does to a scan."""

import math

import pytest
import torch
from torch import Tensor

from medical_transformer.pretraining.turning import PLANES, Turns, apply_turns, draw_turns

DRAWS = 20_000
SHAPE = (8, 12, 10)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def still(**changed: Tensor) -> Turns:
    """Return an augmentation that does nothing but what is given."""
    parts = {
        "flipped": torch.zeros(1, 3, dtype=torch.bool),
        "angles": torch.zeros(1, 3),
        "brightness": torch.zeros(1),
        "contrast": torch.ones(1),
        "zoom": torch.ones(1, 3),
        "place": torch.zeros(1, 3),
    }
    return Turns(**(parts | changed))


def scan(shape: tuple[int, int, int] = SHAPE) -> Tensor:
    return torch.rand((1, 1, *shape), generator=generator())


def share(told: Tensor) -> float:
    return float(told.float().mean())


def test_each_axis_is_flipped_half_of_the_time() -> None:
    flipped = draw_turns(DRAWS, generator()).flipped.float()
    torch.testing.assert_close(flipped.mean(dim=0), torch.full((3,), 0.5), atol=0.015, rtol=0)


def test_each_plane_turns_half_of_the_time_and_half_of_these_by_quarters() -> None:
    angles = draw_turns(DRAWS, generator()).angles
    assert angles.shape == (DRAWS, len(PLANES))
    quarters = (angles / (math.pi / 2)).frac().abs() < 1e-6
    # Not turned (1/2), or turned by a multiple of 90 degrees (1/4), one in four of which is 0.
    assert share(angles == 0) == pytest.approx(0.5 + 0.25 / 4, abs=0.01)
    assert share(quarters) == pytest.approx(0.75, abs=0.01)
    free = angles[~quarters]
    assert 0 < float(free.min()) < 0.01
    assert 2 * math.pi - 0.01 < float(free.max()) < 2 * math.pi
    assert float(free.mean()) == pytest.approx(math.pi, abs=0.05)


def test_brightness_and_contrast_change_together_half_of_the_time() -> None:
    turns = draw_turns(DRAWS, generator())
    changed = turns.brightness != 0
    assert share(changed) == pytest.approx(0.5, abs=0.015)
    assert torch.equal(changed, turns.contrast != 1)
    for values, low, high in ((turns.brightness[changed], -0.125, 0.125), (turns.contrast[changed], 0.5, 1.5)):
        assert low <= float(values.min()) < low + 0.01
        assert high - 0.01 < float(values.max()) <= high


def test_a_zoom_is_rare_and_differs_between_axes() -> None:
    zoom = draw_turns(DRAWS, generator()).zoom
    zoomed = (zoom != 1).all(dim=1)
    assert torch.equal(zoomed, (zoom != 1).any(dim=1))
    assert share(zoomed) == pytest.approx(0.15, abs=0.01)
    assert 0.8 <= float(zoom[zoomed].min()) < 0.805
    assert 1.195 < float(zoom[zoomed].max()) <= 1.2
    assert float((zoom[zoomed, 0] - zoom[zoomed, 1]).abs().mean()) > 0.05


def test_a_draw_can_be_replayed_from_its_seed() -> None:
    volumes = torch.rand((3, 1, *SHAPE), generator=generator(1))
    one, again, other = (apply_turns(volumes, draw_turns(3, generator(seed))) for seed in (1, 1, 2))
    assert torch.equal(one, again)
    assert not torch.equal(one, other)


def test_nothing_drawn_leaves_a_scan_as_it_is() -> None:
    torch.testing.assert_close(apply_turns(scan(), still()), scan(), atol=1e-5, rtol=0)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_flip_mirrors_its_axis(axis: int) -> None:
    flipped = torch.arange(3)[None] == axis
    torch.testing.assert_close(apply_turns(scan(), still(flipped=flipped)), scan().flip(2 + axis), atol=1e-4, rtol=0)


@pytest.mark.parametrize("number", [0, 1, 2])
def test_a_quarter_turn_of_a_cube_is_a_quarter_turn_of_its_voxels(number: int) -> None:
    cube, angles = scan((9, 9, 9)), torch.zeros(1, 3)
    angles[0, number] = math.pi / 2
    turned = apply_turns(cube, still(angles=angles))
    plane = [2 + axis for axis in PLANES[number]]
    assert any(torch.allclose(turned, torch.rot90(cube, k, plane), atol=1e-4) for k in (1, 3))


def test_an_angle_stays_an_angle_where_axes_are_unequal() -> None:
    """A turned ball is the same ball; if axes were stretched, it would be an egg."""
    places = torch.stack(torch.meshgrid(*(torch.arange(side) - (side - 1) / 2 for side in (18, 26, 22)), indexing="ij"))
    ball = (7 - places.square().sum(dim=0).sqrt()).clamp(0, 1)[None, None]
    turned = apply_turns(ball, still(angles=torch.tensor([[0.6, 0.9, 2.0]])))
    assert float((turned - ball).abs().mean()) < 0.01
    assert float((turned - ball).abs().max()) < 0.45


def test_a_zoom_enlarges_about_the_place_that_was_drawn() -> None:
    line = torch.zeros(1, 1, 3, 3, 60)
    line[..., 30] = 1  # 0.5 voxels beside the middle
    for place, expected in ((0.0, 29.5 + 0.5 * 1.2), (1.0, 29.5 + 0.5 * 1.2 - 6), (-1.0, 29.5 + 0.5 * 1.2 + 6)):
        zoom = still(zoom=torch.tensor([[1.0, 1.0, 1.2]]), place=torch.tensor([[0.0, 0.0, place]]))
        found = apply_turns(line, zoom)[0, 0, 1, 1]
        assert float((found * torch.arange(60)).sum() / found.sum()) == pytest.approx(expected, abs=0.3)


def test_a_shrunk_scan_stands_in_the_middle_of_background() -> None:
    shrunk = apply_turns(torch.ones(1, 1, 10, 10, 20), still(zoom=torch.full((1, 3), 0.8), place=torch.ones(1, 3)))
    torch.testing.assert_close(shrunk, shrunk.flip((2, 3, 4)))
    assert float(shrunk[0, 0, 5, 5].sum()) == pytest.approx(16, abs=0.5)


def test_contrast_stretches_about_the_mean_after_the_brightness() -> None:
    volume = scan() * 0.4 + 0.3
    lit = apply_turns(volume, still(brightness=torch.tensor([0.1]), contrast=torch.tensor([0.5])))
    mean = float(volume.mean()) + 0.1
    torch.testing.assert_close(lit, mean + 0.5 * (volume + 0.1 - mean), atol=1e-4, rtol=0)


def test_intensities_stay_in_their_range() -> None:
    volumes = torch.rand((40, 1, *SHAPE), generator=generator(1))
    turned = apply_turns(volumes, draw_turns(40, generator()))
    assert float(turned.min()) >= 0
    assert float(turned.max()) <= 1
