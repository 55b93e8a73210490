"""Normalised surface Dice against shifted boxes whose surfaces are known, and against another implementation."""

import numpy as np
import pytest

from medical_transformer.evaluation import region_surface_dice, surface_dice

SHAPE = (34, 37, 31)
SPACING = (1.0, 2.0, 3.0)


def box(start: tuple[int, int, int], sides: tuple[int, int, int]) -> np.ndarray:
    mask = np.zeros(SHAPE, dtype=bool)
    mask[tuple(slice(first, first + side) for first, side in zip(start, sides, strict=True))] = True
    return mask


def test_equal_masks_have_a_surface_dice_of_one_and_empty_ones_too():
    one, empty = box((3, 4, 2), (4, 5, 3)), np.zeros(SHAPE, dtype=bool)
    assert surface_dice(one, one, SPACING, 0.0) == 1.0
    assert surface_dice(empty, empty, SPACING, 1.0) == 1.0
    assert surface_dice(one, empty, SPACING, 1.0) == surface_dice(empty, one, SPACING, 1.0) == 0.0


@pytest.mark.parametrize(("axis", "shift_mm"), [(0, 1.0), (1, 2.0), (2, 3.0)])
def test_a_box_shifted_by_one_voxel_agrees_within_that_many_millimetres(axis, shift_mm):
    sides, start = (20, 24, 22), [3, 4, 2]
    one = box(tuple(start), sides)
    start[axis] += 1
    other = box(tuple(start), sides)
    assert surface_dice(one, other, SPACING, shift_mm) == 1.0
    # With less tolerance the two faces across the shift miss; they count by their area, not by their voxels.
    lengths = np.multiply(sides, SPACING)
    faces = [np.prod(np.delete(lengths, k)) for k in range(3)]
    expected = 1 - faces[axis] / sum(faces)
    assert surface_dice(one, other, SPACING, 0.9 * shift_mm) == pytest.approx(expected, abs=0.04)


def test_a_surface_that_is_twice_as_far_needs_twice_the_tolerance():
    one, other = box((3, 4, 2), (20, 24, 22)), box((3, 4, 2), (20, 24, 24))
    assert surface_dice(one, other, SPACING, 6.0) == 1.0
    assert surface_dice(one, other, SPACING, 5.9) < 1.0


def test_both_surfaces_count_so_that_an_invented_part_costs_as_much_as_a_missed_one():
    one, far = box((2, 3, 2), (5, 6, 4)), box((20, 25, 20), (5, 6, 4))
    both = one | far
    assert surface_dice(one, both, SPACING, 1.0) == pytest.approx(2 / 3)
    assert surface_dice(both, one, SPACING, 1.0) == pytest.approx(2 / 3)


def test_a_greater_tolerance_never_makes_it_worse():
    rng = np.random.default_rng(1)
    one, other = (np.kron(rng.integers(2, size=(4, 5, 3)), np.ones((2, 2, 2))).astype(bool) for _ in range(2))
    found = [surface_dice(one, other, SPACING, tolerance) for tolerance in (0.0, 0.5, 1.0, 2.0, 4.0)]
    assert found == sorted(found)


def test_it_agrees_with_monai_on_a_ball():
    import torch
    from monai.metrics import compute_surface_dice

    places = np.stack(np.meshgrid(*(np.arange(side) for side in (30, 28, 26)), indexing="ij"))
    one, other = (
        (((places - np.reshape(centre, (3, 1, 1, 1))) * np.reshape((1.0, 1.2, 0.9), (3, 1, 1, 1))) ** 2).sum(0) < 81
        for centre in ((14, 13, 12), (16, 13, 13))
    )
    expected = compute_surface_dice(
        torch.tensor(one)[None, None].float(),
        torch.tensor(other)[None, None].float(),
        class_thresholds=[1.0],
        include_background=True,
        spacing=(1.0, 1.2, 0.9),
        use_subvoxels=True,
    )
    assert surface_dice(one, other, (1.0, 1.2, 0.9), 1.0) == pytest.approx(float(expected), abs=0.02)


def test_regions_have_a_surface_dice_each_and_a_negative_tolerance_is_refused():
    truth, predicted = np.zeros(SHAPE, dtype=np.int16), np.zeros(SHAPE, dtype=np.int16)
    truth[2:6, 3:7, 2:5], predicted[2:6, 3:7, 2:5] = 2, 2
    truth[3, 4, 3], predicted[4, 4, 3] = 4, 1
    found = region_surface_dice(truth, predicted, SPACING, 0.5)
    assert found["WT"] == 1.0
    assert found["ET"] == 0.0
    assert 0.0 < found["TC"] < 1.0
    with pytest.raises(ValueError, match=r"-1"):
        surface_dice(truth, predicted, SPACING, -1)
