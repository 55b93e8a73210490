from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
from numpy.testing import assert_array_equal
from scipy.spatial.transform import Rotation

from medical_transformer.errors import PreparationError, VolumeError
from medical_transformer.preprocessing import DEFAULT, PAPER, PipelineConfig
from medical_transformer.preprocessing.bias_field import correct_bias_field
from medical_transformer.preprocessing.coregistration import align_rigidly
from medical_transformer.preprocessing.extraction import is_stripped, stripped_mask
from medical_transformer.preprocessing.intensity import normalize
from medical_transformer.preprocessing.masks import border_share, centre, fill, largest_piece, largest_piece_share
from medical_transformer.preprocessing.modalities import bring_together, leading_order, read_raw
from medical_transformer.preprocessing.niimath import read_affine, run_niimath
from medical_transformer.preprocessing.registration import register_affine, register_brain
from medical_transformer.preprocessing.template import MNI_GRID, load_template
from medical_transformer.volumes import Grid, Volume, average_pool, resample, write_volume


def mask_of(volume: Volume) -> Volume:
    return volume.with_voxels(volume.voxels > 0)


def test_the_template_lies_on_the_papers_grid_pooled_by_two() -> None:
    template = load_template()
    assert template.brain.shape == (96, 114, 96)
    np.testing.assert_allclose(template.brain.voxel_to_world[:3, 3], (-95.5, -131.5, -77.5))
    assert len(template.checksum) == 16


def test_the_template_has_the_size_of_a_brain_and_white_matter_inside() -> None:
    template = load_template()
    assert 1600 < template.mask.voxels.sum() * template.mask.grid.voxel_volume_ml < 2100
    assert template.mask.voxels[template.white.voxels > 0.9].all()


@pytest.mark.real
def test_the_wheels_template_lies_where_the_true_2009c_template_lies(real_data: Path) -> None:
    true, _ = nibabel_volume(real_data / "template" / "T1w_brain_193x229x193.nii.gz")
    assert true.grid.is_close(MNI_GRID)
    ours, theirs = load_template().brain.voxels, average_pool(true, 2).voxels
    best = np.corrcoef(ours.ravel(), theirs.ravel())[0, 1]
    assert best > 0.97
    for axis in range(3):
        assert np.corrcoef(np.roll(ours, 1, axis).ravel(), theirs.ravel())[0, 1] < best


def nibabel_volume(path: Path) -> tuple[Volume, None]:
    image = nibabel.as_closest_canonical(nibabel.load(path))
    voxels = np.asarray(image.dataobj, dtype=np.float32)
    return Volume(voxels, Grid(voxels.shape, image.affine)), None


def test_a_stripped_scan_is_recognised(brain: Volume) -> None:
    assert is_stripped(brain)


def test_a_head_is_not_taken_for_a_stripped_scan(brain: Volume) -> None:
    head = np.where(np.indices(brain.shape)[2] > 5, brain.voxels + 20, 0).astype(np.float32)
    assert not is_stripped(brain.with_voxels(head))


def test_a_stripped_mask_joins_modalities_and_has_no_holes(brain: Volume) -> None:
    first, second = brain.voxels.copy(), brain.voxels.copy()
    first[25, 29, 23] = 0
    second[25, 29, 23] = 0
    first[:25] = 0
    joined = stripped_mask([brain.with_voxels(first), brain.with_voxels(second)])
    assert_array_equal(joined.voxels, brain.voxels > 0)


def test_only_the_largest_piece_is_kept() -> None:
    mask = np.zeros((9, 11, 13), dtype=bool)
    mask[1:4, 1:4, 1:4] = True
    mask[6:8, 8, 9] = True
    assert largest_piece(mask).sum() == 27
    assert largest_piece_share(mask) == pytest.approx(27 / 29)


def test_an_empty_mask_has_no_largest_piece() -> None:
    with pytest.raises(PreparationError, match="empty"):
        largest_piece(np.zeros((3, 4, 5), dtype=bool))


def test_closed_holes_are_filled() -> None:
    mask = np.ones((5, 6, 7), dtype=bool)
    mask[2, 3, 3] = False
    assert fill(mask).all()


def test_the_border_share_counts_voxels_on_faces() -> None:
    mask = np.zeros((9, 11, 13), dtype=bool)
    mask[0:2, 4, 5] = True
    assert border_share(mask) == 0.5


def test_the_centre_of_a_mask_is_its_mean_index() -> None:
    mask = np.zeros((9, 11, 13), dtype=bool)
    mask[2:5, 7, 1:3] = True
    np.testing.assert_allclose(centre(mask), (3, 7, 1.5))


def test_normalized_intensities_fill_zero_to_one_and_the_background_is_zero(brain: Volume) -> None:
    shifted = brain.with_voxels(brain.voxels - 50)
    for config in (DEFAULT, PAPER):
        scaled = normalize(shifted, mask_of(brain), config, "s").voxels
        assert (scaled.min(), scaled.max()) == (0, 1)
        assert not scaled[brain.voxels == 0].any()
        assert scaled.dtype == np.float32


def test_a_hot_voxel_does_not_darken_the_brain(brain: Volume) -> None:
    hot = brain.voxels.copy()
    hot[25, 29, 23] = 50 * hot.max()
    inside = brain.voxels > 0
    robust = normalize(brain.with_voxels(hot), mask_of(brain), DEFAULT, "s").voxels[inside].mean()
    plain = normalize(brain.with_voxels(hot), mask_of(brain), PAPER, "s").voxels[inside].mean()
    assert robust > 0.3
    assert plain < 0.05


def test_normalization_does_not_depend_on_the_scanners_scale(brain: Volume) -> None:
    one = normalize(brain, mask_of(brain), DEFAULT, "s").voxels
    other = normalize(brain.with_voxels(brain.voxels * 7 + 3), mask_of(brain), DEFAULT, "s").voxels
    np.testing.assert_allclose(one, other, atol=1e-5)


def test_a_brain_of_one_intensity_is_refused_by_name(brain: Volume) -> None:
    flat = brain.with_voxels((brain.voxels > 0).astype(np.float32))
    with pytest.raises(PreparationError, match="scan 7"):
        normalize(flat, mask_of(brain), PipelineConfig(), "scan 7")


def test_n4_removes_a_planted_shading(brain: Volume) -> None:
    # tissue of two intensities under a slow field, as N4 assumes
    inside = brain.voxels > 0
    tissue = np.where(np.indices(brain.shape)[2] // 4 % 2, 1000.0, 600.0)
    field = np.exp(0.4 * (np.indices(brain.shape)[0] / 25 - 1))
    shaded = brain.with_voxels(np.where(inside, tissue * field, 0).astype(np.float32))
    corrected = correct_bias_field(shaded, mask_of(brain), "s").voxels
    white = inside & (tissue == 1000)
    before = shaded.voxels[white].std() / shaded.voxels[white].mean()
    after = corrected[white].std() / corrected[white].mean()
    assert after < 0.5 * before
    assert not corrected[~inside].any()


@pytest.mark.parametrize(("register", "mean_mm", "most_mm"), [(register_affine, 1.0, 2.0), (register_brain, 0.1, 0.3)])
def test_a_known_affine_is_found_again(register: Callable[..., Any], mean_mm: float, most_mm: float) -> None:
    template = load_template().brain
    turn = np.eye(4)
    turn[:3, :3] = [[0.95, 0.08, 0.0], [-0.07, 1.04, 0.15], [0.02, -0.12, 0.97]]
    turn[:3, 3] = (6, -9, 12)  # native to template
    grid = Grid((60, 72, 64), np.diag([3.1, 3.0, 2.9, 1.0]) + np.array([[0, 0, 0, v] for v in (-92, -110, -95, 0)]))
    moving = resample(template, grid, world_to_world=turn)
    found = register(moving, "s")
    points = np.argwhere(load_template().mask.voxels)[::500]
    world = template.voxel_to_world @ np.column_stack([points, np.ones(len(points))]).T
    misplaced = np.linalg.norm((found @ world - np.linalg.inv(turn) @ world)[:3], axis=0)
    assert misplaced.mean() < mean_mm
    assert misplaced.max() < most_mm


def test_a_failure_of_niimath_names_the_scan(tmp_path: Path, brain: Volume) -> None:
    with pytest.raises(PreparationError, match=r"scan 7: niimath -n4"):
        run_niimath(tmp_path, "scan 7", {"image": brain}, ("image.nii", "-n4", "-mask", "none.nii", "out.nii"))


def test_a_missing_affine_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PreparationError, match=r"wrote no a\.json"):
        read_affine(tmp_path / "a.json", "scan 7")


def test_a_collapsed_affine_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('{"fixed_to_moving": [[1,0,0,0],[2,0,0,0],[0,0,1,0],[0,0,0,1]]}')
    with pytest.raises(PreparationError, match="no usable affine"):
        read_affine(tmp_path / "a.json", "scan 7")


def test_t1w_leads() -> None:
    images = {"FLAIR": Path("f"), "T1ce": Path("c"), "T1w": Path("t"), "T2w": Path("u")}
    assert list(leading_order(images)) == ["T1w", "FLAIR", "T1ce", "T2w"]


def test_a_segmentation_on_another_grid_is_refused_with_both_shapes(tmp_path: Path, brain: Volume) -> None:
    write_volume(brain, tmp_path / "t1.nii")
    write_volume(Volume(brain.voxels[1:] > 0, Grid((49, 58, 46), brain.voxel_to_world)), tmp_path / "seg.nii")
    with pytest.raises(PreparationError, match=r"seg.nii: the segmentation lies on another grid \(\(49, 58, 46\)\)"):
        read_raw({"T1w": tmp_path / "t1.nii"}, tmp_path / "seg.nii")


def test_another_contrast_is_brought_to_the_lead_within_half_a_millimetre(tmp_path: Path) -> None:
    template = load_template()
    # a T2w as the tissues have it: fluid bright, white matter dark
    fluid = np.clip(1 - template.grey.voxels - template.white.voxels, 0, 1)
    shares = 40 * template.white.voxels + 90 * template.grey.voxels + 200 * fluid
    t2 = template.brain.with_voxels(np.where(template.mask.voxels, shares, 0).astype(np.float32))
    motion = np.eye(4)
    motion[:3, :3] = Rotation.from_euler("xyz", (6, -4, 5), degrees=True).as_matrix()
    motion[:3, 3] = (5, -3, 7)
    grid = Grid((88, 86, 70), np.diag([2.3, 2.7, 3.1, 1]) + np.array([[0, 0, 0, v] for v in (-96, -130, -90, 0)]))
    write_volume(template.brain, tmp_path / "t1.nii")
    write_volume(resample(t2, grid, world_to_world=np.linalg.inv(motion)), tmp_path / "t2.nii")
    raw = read_raw({"T2w": tmp_path / "t2.nii", "T1w": tmp_path / "t1.nii"}, None)
    found = align_rigidly(raw.lead, raw.strays["T2w"])
    points = template.brain.voxel_to_world @ [[40, 70, 50, 30], [30, 60, 90, 50], [30, 70, 40, 50], [1, 1, 1, 1]]
    assert np.linalg.norm((found @ points - motion @ points)[:3], axis=0).max() < 0.5
    together = bring_together(raw)
    assert list(together.volumes) == ["T1w", "T2w"]
    assert np.corrcoef(together.volumes["T2w"].voxels.ravel(), t2.voxels.ravel())[0, 1] > 0.95


def test_a_label_map_is_not_an_mri(tmp_path: Path, brain: Volume) -> None:
    blocks = np.zeros(brain.shape, np.uint8)
    blocks[10:20, 10:40, 10:30], blocks[20:30, 10:40, 10:30], blocks[30:40, 15:40, 10:30] = 4, 9, 17
    write_volume(Volume(blocks, brain.grid), tmp_path / "labels.nii.gz")
    with pytest.raises(VolumeError, match="label map"):
        read_raw({"T1w": tmp_path / "labels.nii.gz"}, None)


@pytest.mark.parametrize("air", [-50.0, 3.0])
def test_a_head_whose_air_is_not_0_is_no_label_map(tmp_path: Path, brain: Volume, air: float) -> None:
    voxels = np.where(brain.voxels > 0, 100 * brain.voxels + 10, air).astype(np.float32)
    write_volume(Volume(voxels, brain.grid), tmp_path / "shifted.nii.gz")
    assert read_raw({"T1w": tmp_path / "shifted.nii.gz"}, None).lead.shape == brain.shape


def test_a_scan_without_images_is_refused() -> None:
    with pytest.raises(PreparationError, match="without an image"):
        read_raw({}, None)
