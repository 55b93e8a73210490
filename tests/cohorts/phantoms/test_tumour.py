"""A drawn glioma: nested regions, the right contrasts, and on the side where it was drawn."""

import numpy as np
import pytest

from medical_transformer.cohorts.phantoms import TumourLabel, draw_tumour, render_tumour, write_stored
from medical_transformer.cohorts.phantoms.tumour import atlas_grid
from medical_transformer.volumes import read_label_map, read_volume


def test_the_same_seed_draws_the_same_tumour(left_tumour):
    again = draw_tumour(3, grade="HGG", side="left", spacing_mm=2.0)
    replayed = render_tumour(left_tumour.parameters, left_tumour.segmentation.grid)
    for drawn in (again, replayed):
        np.testing.assert_array_equal(drawn.segmentation.voxels, left_tumour.segmentation.voxels)
        for modality, image in left_tumour.images.items():
            np.testing.assert_array_equal(drawn.images[modality].voxels, image.voxels)


def test_labels_are_those_of_brats(left_tumour):
    assert set(np.unique(left_tumour.segmentation.voxels)) == {0, 1, 2, 4}


def test_a_low_grade_tumour_does_not_enhance():
    drawn = draw_tumour(5, grade="LGG", spacing_mm=4.0)
    assert set(np.unique(drawn.segmentation.voxels)) == {0, 1, 2}


def test_regions_lie_within_one_another_and_within_the_brain(left_tumour):
    labels = left_tumour.segmentation.voxels
    assert left_tumour.truth.brain.voxels[labels > 0].all()
    centres = {label: np.argwhere(labels == label).mean(axis=0) for label in (1, 4)}
    spreads = [
        np.linalg.norm(np.argwhere(labels == label) - centres[1], axis=1).mean()
        for label in (TumourLabel.CORE, TumourLabel.ENHANCING, TumourLabel.EDEMA)
    ]
    assert spreads[0] < spreads[1] < spreads[2]


def test_no_edema_reaches_through_the_rim(left_tumour):
    labels = left_tumour.segmentation.voxels
    inside = labels == TumourLabel.CORE
    beside = np.zeros_like(inside)
    for axis in range(3):
        for step in (-1, 1):
            beside |= np.roll(inside, step, axis)
    around = labels[beside & ~inside & (labels > 0)]
    assert (around == TumourLabel.ENHANCING).mean() > 0.98


def test_contrasts_are_those_of_a_glioma(left_tumour):
    labels, images = left_tumour.segmentation.voxels, left_tumour.images
    white = left_tumour.truth.tissue.voxels == 3

    def relative(modality, label):
        voxels = images[modality].voxels
        return voxels[labels == label].mean() / voxels[white & (labels == 0)].mean()

    assert relative("T1ce", 4) > 1.3
    assert relative("T1w", 4) < 1.0
    assert relative("FLAIR", 2) > 1.4
    assert relative("T2w", 2) > 1.3
    assert relative("T1w", 1) < 0.75
    csf = images["FLAIR"].voxels[(left_tumour.truth.tissue.voxels == 1) & (labels == 0)]
    assert np.median(csf) < np.median(images["FLAIR"].voxels[white & (labels == 0)])


def test_everything_outside_the_brain_is_zero(left_tumour):
    brain = left_tumour.truth.brain.voxels > 0
    for image in left_tumour.images.values():
        assert not image.voxels[~brain].any()
        assert image.voxels[brain].all()


@pytest.mark.parametrize("axes", ["LPS", "PSR", "RAS", "AIL"])
def test_left_stays_left_in_every_stored_orientation(left_tumour, axes, tmp_path):
    write_stored(left_tumour.images["FLAIR"], axes, tmp_path / "flair.nii.gz")
    write_stored(left_tumour.segmentation, axes, tmp_path / "seg.nii.gz")
    flair, _ = read_volume(tmp_path / "flair.nii.gz")
    labels, _ = read_label_map(tmp_path / "seg.nii.gz")
    np.testing.assert_array_equal(labels.voxels, left_tumour.segmentation.voxels)
    tumour, brain = (np.argwhere(mask)[:, 0].mean() for mask in (labels.voxels > 0, flair.voxels > 0))
    assert tumour < brain - 3
    bright = flair.voxels > np.percentile(flair.voxels[flair.voxels > 0], 99)
    assert bright[: round(brain)].sum() > 3 * bright[round(brain) :].sum()


def test_the_grid_is_that_of_brats():
    grid = atlas_grid()
    assert grid.shape == (240, 240, 155)
    np.testing.assert_allclose(grid.corners_mm().min(axis=0), [-239.0, 0.0, 0.0])
    np.testing.assert_allclose(grid.corners_mm().max(axis=0), [0.0, 239.0, 154.0])
    assert atlas_grid(2.0).shape == (120, 120, 78)
