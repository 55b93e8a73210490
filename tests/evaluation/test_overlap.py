"""Dice and Hausdorff distance against hand-computed cases and MONAI."""

import numpy as np
import pytest

from medical_transformer.evaluation import dice, hausdorff95_mm, region_dice, region_hausdorff95_mm

SHAPE = (12, 17, 9)


def box(*sides: slice) -> np.ndarray:
    mask = np.zeros(SHAPE, dtype=bool)
    mask[sides] = True
    return mask


def test_dice_of_two_boxes_that_share_a_third():
    one, other = box(slice(2, 5), slice(4, 6), slice(1, 3)), box(slice(4, 7), slice(4, 6), slice(1, 3))
    assert dice(one, other) == pytest.approx(2 * 4 / (12 + 12))


def test_two_empty_masks_agree_and_one_empty_mask_does_not():
    empty, full = np.zeros(SHAPE, dtype=bool), box(slice(2, 5))
    assert dice(empty, empty) == 1.0
    assert dice(empty, full) == 0.0


def test_regions_are_unions_of_labels():
    truth, predicted = np.zeros(SHAPE, dtype=np.int16), np.zeros(SHAPE, dtype=np.int16)
    truth[2, 3, 1:5] = (1, 2, 4, 4)
    predicted[2, 3, 1:5] = (2, 2, 1, 4)
    assert region_dice(truth, predicted) == pytest.approx({"WT": 1.0, "TC": 2 * 2 / 5, "ET": 2 * 1 / 3})


def test_hausdorff_distance_is_in_millimetres_along_each_axis():
    for axis, spacing in enumerate((2.0, 3.0, 5.0)):
        one, other = np.zeros(SHAPE, dtype=bool), np.zeros(SHAPE, dtype=bool)
        one[3, 3, 3] = True
        place = [3, 3, 3]
        place[axis] += 2
        other[tuple(place)] = True
        assert hausdorff95_mm(one, other, (2.0, 3.0, 5.0)) == pytest.approx(2 * spacing)


def test_a_missed_region_costs_the_diagonal_and_two_empty_ones_nothing():
    empty = np.zeros((240, 240, 155), dtype=bool)
    full = empty.copy()
    full[100:103, 100:104, 70:72] = True
    assert hausdorff95_mm(empty, full, (1.0, 1.0, 1.0)) == pytest.approx(373.13, abs=0.01)
    assert hausdorff95_mm(empty, empty, (1.0, 1.0, 1.0)) == 0.0


def test_hausdorff_distance_agrees_with_monai():
    import torch
    from monai.metrics import compute_hausdorff_distance

    rng = np.random.default_rng(5)
    one, other = (np.kron(rng.integers(2, size=(4, 5, 3)), np.ones((3, 3, 3))).astype(bool) for _ in range(2))
    spacing = (1.5, 2.0, 0.7)
    expected = compute_hausdorff_distance(
        torch.tensor(one)[None, None].float(),
        torch.tensor(other)[None, None].float(),
        include_background=True,
        percentile=95,
        spacing=list(spacing),
    )
    assert hausdorff95_mm(one, other, spacing) == pytest.approx(float(expected), rel=1e-5)


def test_regions_have_distances_of_their_own():
    truth, predicted = np.zeros(SHAPE, dtype=np.int16), np.zeros(SHAPE, dtype=np.int16)
    truth[2, 3, 2], predicted[2, 7, 2] = 4, 1
    found = region_hausdorff95_mm(truth, predicted, (1.0, 2.0, 1.0))
    assert found["WT"] == pytest.approx(8.0)
    assert found["ET"] == pytest.approx(np.linalg.norm((12, 34, 9)))


def test_masks_of_two_grids_are_refused():
    with pytest.raises(ValueError, match="one grid"):
        dice(np.zeros((2, 3, 4)), np.zeros((2, 3, 5)))
