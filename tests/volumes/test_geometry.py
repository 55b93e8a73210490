from typing import Any

import numpy as np
import pytest
from scipy import ndimage

from medical_transformer.errors import VolumeError
from medical_transformer.volumes import (
    Box,
    Grid,
    Volume,
    average_pool,
    bounding_box,
    centred_box,
    crop,
    majority_pool,
    pooled_grid,
    resample,
    uncrop,
)

SHAPE = (17, 22, 13)
AFFINE = np.array([[2.0, 0.1, 0, -7], [-0.1, 1.5, 0.05, 3], [0, -0.04, 1.2, 5], [0, 0, 0, 1]])
GRID = Grid(SHAPE, AFFINE)


def noise() -> Volume:
    return Volume(np.random.default_rng(0).uniform(1, 2, SHAPE).astype(np.float32), GRID)


def ball() -> Volume:
    """A bright ball inside zeros, like a brain in its background."""
    places = np.indices(SHAPE).reshape(3, -1).T - np.array([8, 12, 6])
    inside = (np.linalg.norm(places, axis=1) < 4).reshape(SHAPE)
    return Volume(np.where(inside, noise().voxels, 0).astype(np.float32), GRID)


def world(volume: Volume, index: tuple[int, int, int]) -> Any:
    return (volume.voxel_to_world @ [*index, 1])[:3]


@pytest.mark.parametrize("box", [Box((2, 3, 1), (9, 14, 8)), Box((-4, -1, 5), (10, 30, 12))])
def test_uncropping_undoes_cropping_inside_the_box(box: Box) -> None:
    volume = noise()
    back = uncrop(crop(volume, box), box, volume.grid)
    kept = back.voxels != 0
    np.testing.assert_array_equal(back.voxels[kept], volume.voxels[kept])
    sides = zip(box.start, box.shape, SHAPE, strict=True)
    inside = [min(start + side, limit) - max(start, 0) for start, side, limit in sides]
    assert kept.sum() == np.prod(inside)


def test_a_cropped_voxel_stays_where_it_was_in_the_head() -> None:
    cropped = crop(noise(), Box((2, 3, 1), (9, 14, 8)))
    np.testing.assert_allclose(world(cropped, (0, 0, 0)), world(noise(), (2, 3, 1)))


def test_a_bounding_box_is_tight() -> None:
    mask = np.zeros(SHAPE, dtype=bool)
    mask[3:7, 5, 2:11] = True
    assert bounding_box(mask) == Box((3, 5, 2), (4, 1, 9))


def test_an_empty_mask_has_no_bounding_box() -> None:
    with pytest.raises(VolumeError, match="empty mask"):
        bounding_box(np.zeros(SHAPE, dtype=bool))


def test_a_centred_box_stays_inside_where_it_fits() -> None:
    box = centred_box(Box((0, 15, 6), (4, 6, 2)), (8, 10, 20), SHAPE)
    assert box.start[:2] == (0, 12)
    assert box.start[2] == -4  # wider than the volume: centred on it


def test_pooling_averages_blocks_and_drops_the_remainder() -> None:
    pooled = average_pool(noise(), 2)
    assert pooled.shape == (8, 11, 6)
    assert pooled.voxels[3, 7, 2] == pytest.approx(noise().voxels[6:8, 14:16, 4:6].mean())


def test_a_pooled_voxel_lies_at_the_centre_of_its_block() -> None:
    pooled = average_pool(noise(), 2)
    middle = (world(noise(), (6, 14, 4)) + world(noise(), (7, 15, 5))) / 2
    np.testing.assert_allclose(world(pooled, (3, 7, 2)), middle)


def test_the_papers_grid_is_pooled_to_96_114_96() -> None:
    assert pooled_grid(Grid((193, 229, 193), np.eye(4)), 2).shape == (96, 114, 96)


def test_the_majority_of_a_block_wins() -> None:
    labels = np.zeros(SHAPE, dtype=np.int16)
    labels[0:2, 0:2, 0:2] = [[[4, 4], [4, 1]], [[4, 1], [1, 4]]]
    pooled = majority_pool(Volume(labels, GRID), 2)
    assert pooled.voxels[0, 0, 0] == 4
    assert pooled.voxels.dtype == np.int16
    assert pooled.voxels.sum() == 4


def test_of_equally_frequent_labels_the_smallest_wins() -> None:
    labels = np.zeros(SHAPE, dtype=np.int16)
    labels[0, 0:2, 0:2] = 3
    assert majority_pool(Volume(labels, GRID), 2).voxels[0, 0, 0] == 0


@pytest.mark.parametrize("factor", [2, 3])
def test_pooling_an_atlas_is_a_vote_of_every_block(factor: int) -> None:
    labels = np.random.default_rng(0).integers(0, 5, SHAPE).astype(np.int16) * 40
    pooled = majority_pool(Volume(labels, GRID), factor).voxels
    for place in np.ndindex(*pooled.shape):
        block = labels[tuple(slice(factor * start, factor * start + factor) for start in place)]
        values, votes = np.unique(block, return_counts=True)
        assert pooled[place] == values[votes.argmax()]


def test_pooling_labels_and_images_leaves_the_same_grid() -> None:
    labels = Volume(np.ones(SHAPE, dtype=np.int16), GRID)
    assert majority_pool(labels, 3).grid.is_close(average_pool(noise(), 3).grid)


def test_a_volume_shorter_than_a_block_cannot_be_pooled() -> None:
    with pytest.raises(VolumeError, match="cannot be pooled"):
        average_pool(noise(), 14)


@pytest.mark.parametrize("order", [0, 1, 3])
def test_resampling_onto_the_same_grid_changes_nothing(order: int) -> None:
    np.testing.assert_allclose(resample(noise(), GRID, order=order).voxels, noise().voxels, atol=1e-5)


@pytest.mark.parametrize("order", [0, 1])
@pytest.mark.parametrize("seed", range(5))
def test_skipping_the_empty_part_of_a_grid_changes_nothing(seed: int, order: int) -> None:
    draw = np.random.default_rng(seed)
    between = np.eye(4)
    between[:3] += draw.normal(0, 0.15, (3, 4)) * [1, 1, 1, 20]
    target = Grid(
        (31, 26, 35),
        np.diag([1.1, 0.9, 1.3, 1.0]) + np.array([0, 0, 0, 1]) * draw.normal(0, 3, (4, 1)) * [[1], [1], [1], [0]],
    )
    pull = GRID.world_to_voxel @ between @ target.voxel_to_world
    whole = ndimage.affine_transform(
        ball().voxels, pull[:3, :3], pull[:3, 3], target.shape, order=order, mode="grid-constant"
    )
    sampled = resample(ball(), target, world_to_world=between, order=order).voxels
    assert np.mean(np.abs(sampled - whole) > 1e-4) < (1e-3 if order == 0 else 1e-9)


def test_resampling_empty_voxels_gives_zeros() -> None:
    assert not resample(noise().with_voxels(np.zeros(SHAPE, np.float32)), GRID).voxels.any()


def test_a_shift_in_the_pull_direction_moves_the_content_the_other_way() -> None:
    grid = Grid(SHAPE, np.eye(4))
    voxels = np.zeros(SHAPE, dtype=np.float32)
    voxels[9, 10, 6] = 1
    shift = np.eye(4)
    shift[:3, 3] = (2, -3, 1)
    moved = resample(Volume(voxels, grid), grid, world_to_world=shift).voxels
    assert np.unravel_index(int(moved.argmax()), SHAPE) == (7, 13, 5)


def test_a_cubic_result_stays_in_the_sources_range() -> None:
    fine = Grid((33, 43, 25), AFFINE @ np.diag([0.5, 0.5, 0.5, 1.0]))
    sharp = ball().with_voxels((ball().voxels > 0).astype(np.float32))
    cubic = resample(sharp, fine, order=3).voxels
    assert cubic.min() >= 0
    assert cubic.max() <= 1


def test_an_unknown_order_is_refused() -> None:
    with pytest.raises(VolumeError, match="order 7"):
        resample(noise(), GRID, order=7)


def test_spacing_and_volume_of_a_grid_come_from_its_affine() -> None:
    grid = Grid(SHAPE, np.diag([-2.0, 3.0, 1.5, 1.0]))
    assert grid.spacing_mm == (2.0, 3.0, 1.5)
    assert grid.voxel_volume_ml == pytest.approx(0.009)


def test_grids_with_other_corners_are_not_close() -> None:
    moved = AFFINE.copy()
    moved[0, 3] += 0.01
    assert not GRID.is_close(Grid(SHAPE, moved))
    assert GRID.is_close(Grid(SHAPE, moved), tolerance_mm=0.1)


def test_a_flat_affine_makes_no_grid() -> None:
    with pytest.raises(VolumeError, match="invertible"):
        Grid(SHAPE, np.diag([1.0, 1.0, 0.0, 1.0]))
