"""A drawn head: repeatable, rightly placed, and found by the tools that find real brains."""

from dataclasses import replace

import nibabel
import numpy as np
import pytest
from scipy import ndimage

from medical_transformer.cohorts.phantoms import (
    Acquisition,
    DrawnHead,
    HeadParameters,
    draw_head,
    render_head,
    write_stored,
)
from medical_transformer.cohorts.phantoms.anatomy import Tissue
from medical_transformer.cohorts.phantoms.template import load_template
from medical_transformer.errors import CohortError
from medical_transformer.volumes import read_volume, resample


def dice(first, second):
    return 2 * np.logical_and(first, second).sum() / (first.sum() + second.sum())


def test_the_same_seed_draws_the_same_head(head, coarse):
    again = draw_head(7, acquisition=coarse)
    assert again.parameters == head.parameters
    np.testing.assert_array_equal(again.volume.voxels, head.volume.voxels)


def test_parameters_alone_replay_a_head(head):
    again = render_head(head.parameters, head.acquisition)
    np.testing.assert_array_equal(again.volume.voxels, head.volume.voxels)


def test_another_anatomy_seed_is_another_person(head):
    other = render_head(replace(head.parameters, anatomy_seed=head.parameters.anatomy_seed + 1), head.acquisition)
    assert dice(other.truth.tissue.voxels == Tissue.GREY, head.truth.tissue.voxels == Tissue.GREY) < 0.85


def test_another_image_seed_is_the_same_person_scanned_again(head):
    other = render_head(replace(head.parameters, image_seed=head.parameters.image_seed + 1), head.acquisition)
    np.testing.assert_array_equal(other.truth.tissue.voxels, head.truth.tissue.voxels)
    assert (other.volume.voxels != head.volume.voxels).mean() > 0.5


def test_the_drawn_affine_lays_the_templates_brain_on_the_drawn_one(head):
    template = load_template().brain
    carried = resample(template, head.volume.grid, world_to_world=head.truth.head_to_template, order=1)
    assert dice(carried.voxels > 127, head.truth.brain.voxels > 0) > 0.93
    unmoved = resample(template, head.volume.grid, order=1)
    assert dice(unmoved.voxels > 127, head.truth.brain.voxels > 0) < 0.92


@pytest.mark.parametrize("axes", ["PSR", "LPS", "RAS", "AIL", "SRA"])
def test_every_stored_orientation_reads_back_as_the_same_head(head, axes, tmp_path):
    path = tmp_path / "head.nii.gz"
    write_stored(head.volume, axes, path)
    volume, stored = read_volume(path)
    np.testing.assert_array_equal(volume.voxels, head.volume.voxels)
    assert volume.grid.is_close(head.volume.grid)
    assert "".join(nibabel.aff2axcodes(stored.affine)) == axes


def test_sform_and_qform_tell_the_same(head, tmp_path):
    write_stored(head.volume, "PSR", tmp_path / "head.nii")
    image = nibabel.load(tmp_path / "head.nii")
    sform, sform_code = image.get_sform(coded=True)
    qform, qform_code = image.get_qform(coded=True)
    assert sform_code == qform_code == 1
    np.testing.assert_allclose(sform, qform, atol=1e-3)
    assert image.get_data_dtype() == np.int16


def test_tissues_are_ordered_as_in_a_t1(head):
    means = [head.volume.voxels[head.truth.tissue.voxels == tissue].mean() for tissue in Tissue]
    assert means[Tissue.CSF] < means[Tissue.GREY] < means[Tissue.WHITE]


def test_a_bright_scalp_lies_around_a_dark_skull(head):
    brain = head.truth.brain.voxels > 0
    away_mm = ndimage.distance_transform_edt(~brain, sampling=head.volume.spacing_mm)
    vault = np.zeros_like(brain)
    vault[:, :, round(np.argwhere(brain)[:, 2].mean()) :] = True
    skull = head.volume.voxels[vault & (away_mm > 4.5) & (away_mm < 8)]
    around = head.volume.voxels[vault & (away_mm > 9) & (away_mm < 15)]
    assert np.median(skull) < 0.5 * np.percentile(around, 75)


def test_axes_that_name_no_space_are_refused():
    with pytest.raises(CohortError, match="PPR"):
        Acquisition(axes="PPR")


def test_an_impossible_hippocampus_is_refused():
    with pytest.raises(CohortError, match="left-over"):
        HeadParameters(age_years=50.0, sex="female", hippocampus_left_over=(1.2, 1.0))


@pytest.mark.journey
def test_deepbet_finds_the_drawn_brain():
    deepbet = pytest.importorskip("deepbet")
    extraction = deepbet.BrainExtraction(no_gpu=True)
    drawn: DrawnHead = draw_head(0)
    found = extraction.run_model(drawn.volume.voxels.astype(np.float32))
    found = np.asarray(extraction.postprocess(found > 0.5)) > 0
    assert dice(found, drawn.truth.brain.voxels > 0) > 0.95
