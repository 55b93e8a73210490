import numpy as np
import pytest

from medical_transformer.errors import PreparationError
from medical_transformer.preprocessing import BRATS
from medical_transformer.preprocessing.placement import place_in_box, place_in_template, pool_masked
from medical_transformer.preprocessing.template import MNI_GRID
from medical_transformer.volumes import Volume, average_pool

AFFINE = np.array([[0.9, 0.05, 0, 4], [-0.06, 1.1, 0.1, -6], [0, -0.1, 0.95, 9], [0, 0, 0, 1]])


def mask_of(volume: Volume) -> Volume:
    return volume.with_voxels(volume.voxels > 0)


def test_a_box_and_back_changes_nothing_inside_it(brain: Volume) -> None:
    placement = place_in_box(mask_of(brain), BRATS.model_copy(update={"crop_shape": (44, 54, 42)}))
    back = placement.to_native(placement.to_fine(brain, order=1), order=1)
    np.testing.assert_array_equal(back.voxels, brain.voxels)
    assert back.grid.is_close(brain.grid)


def test_a_pooled_box_puts_each_label_back_into_its_block(brain: Volume) -> None:
    config = BRATS.model_copy(update={"crop_shape": (44, 54, 42), "pool": 2})
    placement = place_in_box(mask_of(brain), config)
    labels = brain.with_voxels((brain.voxels > 300).astype(np.int16))
    pooled = placement.labels_to_prepared(labels)
    back = placement.to_native(pooled, order=0)
    start = placement.box.start if placement.box else (0, 0, 0)
    inside = back.voxels[tuple(slice(s, s + side) for s, side in zip(start, (44, 54, 42), strict=True))]
    np.testing.assert_array_equal(inside, np.kron(pooled.voxels, np.ones((2, 2, 2), np.int16)))


def test_the_template_grid_has_the_papers_shape(brain: Volume) -> None:
    assert place_in_template(brain.grid, AFFINE, 2).prepared.shape == (96, 114, 96)
    assert place_in_template(brain.grid, AFFINE, 1).prepared.is_close(MNI_GRID)


def test_to_the_template_and_back_loses_only_what_interpolation_loses(brain: Volume) -> None:
    placement = place_in_template(brain.grid, AFFINE, 2)
    smooth = brain.with_voxels(np.where(brain.voxels > 0, 200 + 3 * np.indices(brain.shape)[1], 0).astype("f4"))
    there = average_pool(placement.to_fine(smooth, order=1), 2)
    back = placement.to_native(there, order=1)
    assert np.corrcoef(back.voxels.ravel(), smooth.voxels.ravel())[0, 1] > 0.98
    assert back.grid.is_close(brain.grid)


def test_a_point_lands_where_the_affine_says(brain: Volume) -> None:
    spot = brain.with_voxels(np.zeros(brain.shape, np.float32))
    spot.voxels[28:31, 22:25, 30:33] = 1
    there = place_in_template(brain.grid, AFFINE, 1).to_fine(spot, order=1)
    found = np.argwhere(there.voxels > 0.5).mean(axis=0)
    world = (there.voxel_to_world @ [*found, 1])[:3]
    expected = np.linalg.inv(AFFINE) @ brain.voxel_to_world @ [29, 23, 31, 1]
    np.testing.assert_allclose(world, expected[:3], atol=0.6)


def test_a_volume_on_another_grid_cannot_go_back(brain: Volume) -> None:
    placement = place_in_template(brain.grid, AFFINE, 2)
    with pytest.raises(PreparationError, match="prepared grid"):
        placement.to_native(brain, order=1)


def test_pooling_leaves_exact_zeros_outside_the_mask(brain: Volume) -> None:
    share = average_pool(brain.with_voxels((brain.voxels > 0).astype(np.float32)), 2)
    mask = share.with_voxels(share.voxels >= 0.5)
    pooled = pool_masked(brain, mask, 2)
    assert not pooled.voxels[~mask.voxels].any()
    assert pooled.voxels[mask.voxels].min() > 0
