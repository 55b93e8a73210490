"""Cells and patches: where they lie, and that cutting copies the right voxels."""

import pytest
import torch

from medical_transformer.errors import ConfigError
from medical_transformer.pretraining.patches import centre, centre_in_cube, crop_patches, plan_grid

SHAPE = (13, 17, 20)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_a_cube_of_128_has_the_published_cells_and_patches() -> None:
    grid = plan_grid((128, 128, 128), 3, 39 / 42)
    assert (grid.cell, grid.patch, grid.jitter) == ((42,) * 3, (39,) * 3, (3,) * 3)
    quarters = plan_grid((128, 128, 128), 4, 28 / 32)
    assert (quarters.cell, quarters.patch, quarters.start) == ((32,) * 3, (28,) * 3, (0,) * 3)


def test_cells_fill_a_volume_with_unequal_axes_up_to_less_than_a_voxel_each() -> None:
    for shape in (SHAPE, (48, 57, 48), (96, 114, 96)):
        grid = plan_grid(shape, 3, 39 / 42)
        for axis, side in enumerate(shape):
            covered = 3 * grid.cell[axis]
            assert 0 <= side - covered < 3
            assert grid.start[axis] == (side - covered) // 2


def test_cells_do_not_overlap_and_are_numbered_with_the_last_axis_fastest() -> None:
    grid = plan_grid(SHAPE, 3, 0.8)
    corners = grid.corners()
    assert len({tuple(corner) for corner in corners.tolist()}) == 27
    assert corners[1].tolist() == [grid.start[0], grid.start[1], grid.start[2] + grid.cell[2]]
    assert corners[9].tolist() == [grid.start[0] + grid.cell[0], grid.start[1], grid.start[2]]


def test_patches_reach_every_place_of_their_cell_and_never_leave_it() -> None:
    grid = plan_grid((17, 19, 22), 3, 0.6)
    offsets = grid.draw_offsets(200, 27, generator()).flatten(0, 1)
    assert grid.jitter == (2, 2, 3)
    for axis, places in enumerate((3, 3, 4)):
        counts = torch.bincount(offsets[:, axis])
        assert len(counts) == places
        torch.testing.assert_close(counts / len(offsets), torch.full((places,), 1 / places), atol=0.03, rtol=0)


def test_a_volume_that_is_too_small_is_refused_with_its_size() -> None:
    with pytest.raises(ConfigError, match="13x17x20"):
        plan_grid(SHAPE, 5, 0.5)


def test_cropping_copies_the_voxels_of_a_slice() -> None:
    volumes = torch.rand((3, 2, *SHAPE), generator=generator())
    corners = torch.tensor([[[0, 0, 0], [4, 2, 7]], [[8, 9, 1], [1, 3, 5]], [[2, 2, 2], [9, 12, 14]]])
    patches = crop_patches(volumes, corners, (4, 5, 6))
    assert patches.shape == (3, 2, 2, 4, 5, 6)
    for scan in range(3):
        for number, (r, a, s) in enumerate(corners[scan].tolist()):
            assert torch.equal(patches[scan, number], volumes[scan, :, r : r + 4, a : a + 5, s : s + 6])


def test_centring_pads_with_background_and_cropping_undoes_it() -> None:
    volumes = torch.rand((2, 1, *SHAPE), generator=generator()) + 1
    cube = centre_in_cube(volumes)
    assert cube.shape[2:] == (20, 20, 20)
    assert cube.sum() == pytest.approx(float(volumes.sum()), rel=1e-5)
    assert torch.equal(centre(cube, SHAPE), volumes)
    assert torch.equal(centre_in_cube(volumes, 9), volumes[..., 2:11, 4:13, 5:14])
