from itertools import permutations, product
from pathlib import Path

import nibabel
import numpy as np
import pytest

from medical_transformer.errors import VolumeError
from medical_transformer.volumes import read_label_map, read_volume
from medical_transformer.volumes.address import Address

SHAPE = (9, 11, 14)
AXES = ["".join(p) for order in permutations(("LR", "PA", "IS")) for p in product(*order)]


def voxels(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).integers(1, 100, shape or SHAPE).astype(np.int16)


@pytest.mark.parametrize("word", ["volume=3", "axes=ASL", "values=1>2,2>1,3>4"])
def test_an_address_is_read_and_written_unchanged(word: str) -> None:
    assert Address.parse(Path(f"a/b.nii.gz[{word}]")).path == Path(f"a/b.nii.gz[{word}]")
    assert Address.parse(Path(f"a/b.nii.gz[{word}]")).file == Path("a/b.nii.gz")


@pytest.mark.parametrize("name", ["b.nii.gz", "b[1].nii", "scan [copy].nii.gz", "b.nii.gz[2]"])
def test_other_brackets_are_part_of_a_name(name: str) -> None:
    assert Address.parse(Path(name)) == Address(Path(name))


@pytest.mark.parametrize("word", ["volume=x", "axes=AAL", "axes=LR", "values=1>", "values=a>b"])
def test_an_address_that_cannot_be_understood_is_refused(word: str) -> None:
    with pytest.raises(VolumeError, match="write"):
        Address.parse(Path(f"b.nii.gz[{word}]"))


def test_one_volume_of_a_series_is_read_as_if_it_were_a_file_of_its_own(tmp_path: Path) -> None:
    affine, series = np.diag([2.0, -1.5, 1.2, 1.0]), voxels(*SHAPE, 4)
    nibabel.save(nibabel.Nifti1Image(series, affine), tmp_path / "series.nii.gz")
    nibabel.save(nibabel.Nifti1Image(series[..., 2], affine), tmp_path / "one.nii.gz")
    volume, stored = read_volume(tmp_path / "series.nii.gz[volume=2]")
    alone, alone_stored = read_volume(tmp_path / "one.nii.gz")
    np.testing.assert_array_equal(volume.voxels, alone.voxels)
    np.testing.assert_array_equal(volume.voxel_to_world, alone.voxel_to_world)
    assert stored.shape == alone_stored.shape


def test_a_volume_that_is_not_there_is_refused(tmp_path: Path) -> None:
    nibabel.save(nibabel.Nifti1Image(voxels(*SHAPE, 2), np.eye(4)), tmp_path / "series.nii.gz")
    with pytest.raises(VolumeError, match="no volume 2"):
        read_volume(tmp_path / "series.nii.gz[volume=2]")


def test_numbers_of_a_label_map_are_exchanged_all_at_once(tmp_path: Path) -> None:
    labels = voxels() % 4
    nibabel.save(nibabel.Nifti1Image(labels, np.eye(4)), tmp_path / "map.nii.gz")
    volume, _ = read_label_map(tmp_path / "map.nii.gz[values=1>2,2>1,3>4]")
    np.testing.assert_array_equal(volume.voxels, np.array([0, 2, 1, 4])[labels])


@pytest.mark.parametrize("axes", AXES)
def test_an_analyze_pair_is_turned_from_the_axes_that_its_address_says(axes: str, tmp_path: Path) -> None:
    """Checked with axis numbers written out, not with the orientation code that reads."""
    ras = voxels()
    order = [next(i for i, pair in enumerate(("LR", "PA", "IS")) if letter in pair) for letter in axes]
    stored = ras.transpose(order)[tuple(slice(None, None, 1 if letter in "RAS" else -1) for letter in axes)]
    image = nibabel.AnalyzeImage(np.ascontiguousarray(stored)[..., None], None)
    sizes = np.array([1.0, 1.25, 1.5])
    image.header.set_zooms((*sizes[order], 1.0))
    nibabel.save(image, tmp_path / "head.img")
    volume, _ = read_volume(tmp_path / f"head.img[axes={axes}]")
    np.testing.assert_array_equal(volume.voxels, ras)
    np.testing.assert_allclose(volume.spacing_mm, sizes)


def test_an_analyze_pair_without_axes_stays_refused(tmp_path: Path) -> None:
    nibabel.save(nibabel.AnalyzeImage(voxels(), None), tmp_path / "head.img")
    with pytest.raises(VolumeError, match="left and right"):
        read_volume(tmp_path / "head.img")


def test_axes_for_a_file_that_knows_its_own_are_refused(tmp_path: Path) -> None:
    nibabel.save(nibabel.Nifti1Image(voxels(), np.eye(4)), tmp_path / "head.nii")
    with pytest.raises(VolumeError, match="its own"):
        read_volume(tmp_path / "head.nii[axes=RAS]")
