"""Scans as another scanner would have taken them: what changes, what stays, and that it can be replayed."""

from dataclasses import replace

import pytest
import torch
from scipy.ndimage import gaussian_filter
from torch import Tensor

from medical_transformer.training.acquisition import Acquisition, acquire, draw_acquisition

SHAPE = (2, 1, 9, 11, 13)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.fixture
def volumes() -> Tensor:
    """Two scans between 0.2 and 0.8, with nothing around them."""
    inside = torch.rand(SHAPE, generator=generator()) * 0.6 + 0.2
    around = torch.zeros(SHAPE)
    around[..., 2:-2, 2:-2, 2:-2] = inside[..., 2:-2, 2:-2, 2:-2]
    return around


@pytest.fixture
def nothing() -> Acquisition:
    return Acquisition(torch.zeros(2), torch.zeros(2, 3), torch.ones(2), torch.zeros(2), 0)


def test_an_acquisition_that_changes_nothing_leaves_a_scan_as_it_is(volumes: Tensor, nothing: Acquisition) -> None:
    torch.testing.assert_close(acquire(volumes, nothing), volumes)


def test_blur_is_a_gaussian_of_each_scans_own_width(volumes: Tensor, nothing: Acquisition) -> None:
    found = acquire(volumes, replace(nothing, blur=torch.tensor([0.3, 0.7])))
    for scan, width in enumerate((0.3, 0.7)):
        expected = torch.from_numpy(gaussian_filter(volumes[scan, 0].numpy(), width, mode="constant", radius=2))
        torch.testing.assert_close(found[scan, 0], expected * (volumes[scan, 0] > 0), rtol=0, atol=1e-5)


@pytest.mark.parametrize("axis", range(3))
def test_shading_rises_from_the_near_to_the_far_end_of_an_axis(
    axis: int, volumes: Tensor, nothing: Acquisition
) -> None:
    shading = torch.zeros(2, 3)
    shading[1, axis] = 0.1
    share = acquire(volumes, replace(nothing, shading=shading))[1, 0] / volumes[1, 0]
    planes = share.nanmean(dim=[other for other in range(3) if other != axis])
    side = volumes.shape[2 + axis]
    torch.testing.assert_close(planes[2:-2], (1 + 0.1 * torch.linspace(-1, 1, side))[2:-2])
    torch.testing.assert_close(acquire(volumes, replace(nothing, shading=shading))[0], volumes[0])


def test_noise_has_the_spread_that_was_drawn_and_stays_inside_the_brain(volumes: Tensor, nothing: Acquisition) -> None:
    noisy = acquire(volumes, replace(nothing, noise=torch.tensor([0.0, 0.03]), grain=5))
    difference = noisy - volumes
    assert not difference[0].any()
    assert not difference[volumes == 0].any()
    assert float(difference[1][volumes[1] > 0].std()) == pytest.approx(0.03, rel=0.1)


def test_contrast_keeps_the_order_of_intensities(volumes: Tensor, nothing: Acquisition) -> None:
    found = acquire(volumes, replace(nothing, exponent=torch.tensor([0.8, 1.3])))
    torch.testing.assert_close(found[0], volumes[0] ** 0.8)
    torch.testing.assert_close(found[1], volumes[1] ** 1.3)


def test_what_was_drawn_can_be_replayed_and_stays_in_range(volumes: Tensor) -> None:
    drawn = draw_acquisition(2, generator(3))
    once, again = acquire(volumes, drawn), acquire(volumes, drawn)
    other = acquire(volumes, draw_acquisition(2, generator(4)))
    assert torch.equal(once, again)
    assert not torch.equal(once, other)
    assert float(once.min()) >= 0
    assert float(once.max()) <= 1
