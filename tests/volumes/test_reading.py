import gzip
import struct
from collections.abc import Callable
from contextlib import suppress
from itertools import permutations, product
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
from nibabel import orientations

from medical_transformer.errors import VolumeError
from medical_transformer.volumes import Volume, read_label_map, read_volume, write_like, write_volume

SHAPE = (9, 11, 14)
AFFINE = np.array([[2.0, 0.1, 0, -7], [-0.1, 1.5, 0.05, 3], [0, -0.04, 1.2, 5], [0, 0, 0, 1]])
DIRECTIONS = [
    np.array(list(zip(order, signs, strict=True)))
    for order in permutations(range(3))
    for signs in product((1, -1), repeat=3)
]


def voxels() -> Any:
    return np.random.default_rng(0).uniform(1, 100, SHAPE).astype(np.float32)


def stored_as(direction: Any, path: Path) -> Any:
    """Store the same head with other axes, under a header that says so; return the stored array."""
    turn = orientations.ornt_transform(np.array([[0, 1], [1, 1], [2, 1]]), direction)
    array = orientations.apply_orientation(voxels(), turn)
    affine = AFFINE @ orientations.inv_ornt_aff(turn, SHAPE)
    nibabel.save(nibabel.Nifti1Image(np.ascontiguousarray(array), affine), path)
    return array


def image(path: Path, array: Any = None, affine: Any = AFFINE) -> Any:
    made = nibabel.Nifti1Image(voxels() if array is None else array, affine)
    nibabel.save(made, path)
    return made


def test_there_are_48_directions() -> None:
    assert len({str(direction) for direction in DIRECTIONS}) == 48


@pytest.mark.parametrize("direction", DIRECTIONS, ids=lambda d: "".join(nibabel.orientations.ornt2axcodes(d)))
def test_a_head_stored_in_any_direction_is_read_as_the_same_volume(direction: Any, tmp_path: Path) -> None:
    stored_as(direction, tmp_path / "head.nii")
    volume, _ = read_volume(tmp_path / "head.nii")
    np.testing.assert_array_equal(volume.voxels, voxels())
    np.testing.assert_allclose(volume.voxel_to_world, AFFINE, atol=1e-5)


@pytest.mark.parametrize("direction", DIRECTIONS, ids=lambda d: "".join(nibabel.orientations.ornt2axcodes(d)))
def test_writing_like_the_file_that_was_read_changes_nothing(direction: Any, tmp_path: Path) -> None:
    array = stored_as(direction, tmp_path / "head.nii.gz")
    write_like(*read_volume(tmp_path / "head.nii.gz"), tmp_path / "again.nii.gz")
    before, again = nibabel.load(tmp_path / "head.nii.gz"), nibabel.load(tmp_path / "again.nii.gz")
    np.testing.assert_array_equal(np.asarray(again.dataobj), array)
    np.testing.assert_array_equal(again.affine, before.affine)


@pytest.mark.parametrize("direction", DIRECTIONS[::5])
def test_left_stays_left(direction: Any, tmp_path: Path) -> None:
    bright = np.zeros(SHAPE, dtype=np.float32)
    bright[1, 5, 6] = 1.0  # on the left: the first axis grows to the right
    turn = orientations.ornt_transform(np.array([[0, 1], [1, 1], [2, 1]]), direction)
    affine = np.diag([1.0, 1, 1, 1]) @ orientations.inv_ornt_aff(turn, SHAPE)
    image(tmp_path / "x.nii", orientations.apply_orientation(bright, turn), affine)
    volume, _ = read_volume(tmp_path / "x.nii")
    spot = np.unravel_index(int(volume.voxels.argmax()), SHAPE)
    assert spot == (1, 5, 6)
    assert (volume.voxel_to_world @ [*spot, 1])[0] < volume.voxel_to_world[0] @ [SHAPE[0] // 2, 5, 6, 1]


def test_what_was_written_is_read_again(tmp_path: Path) -> None:
    image(tmp_path / "a.nii")
    volume, _ = read_volume(tmp_path / "a.nii")
    write_volume(volume, tmp_path / "sub" / "b.nii.gz")
    again, _ = read_volume(tmp_path / "sub" / "b.nii.gz")
    np.testing.assert_array_equal(again.voxels, volume.voxels)
    assert again.grid.is_close(volume.grid)


def test_writing_leaves_no_other_file_beside(tmp_path: Path) -> None:
    image(tmp_path / "a.nii")
    write_volume(read_volume(tmp_path / "a.nii")[0], tmp_path / "out" / "b.nii.gz")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["b.nii.gz"]


def test_the_slope_of_the_header_is_applied(tmp_path: Path) -> None:
    made = nibabel.Nifti1Image(np.arange(np.prod(SHAPE), dtype=np.int16).reshape(SHAPE), AFFINE)
    made.header.set_slope_inter(0.5, 10.0)
    nibabel.save(made, tmp_path / "a.nii")
    volume, _ = read_volume(tmp_path / "a.nii")
    stored = nibabel.load(tmp_path / "a.nii")
    np.testing.assert_allclose(volume.voxels, stored.get_fdata(), rtol=1e-5)


def test_metres_are_brought_to_millimetres(tmp_path: Path) -> None:
    made = nibabel.Nifti1Image(voxels(), np.diag([0.001, 0.002, 0.003, 1.0]))
    made.header.set_xyzt_units("meter")
    nibabel.save(made, tmp_path / "a.nii")
    volume, _ = read_volume(tmp_path / "a.nii")
    np.testing.assert_allclose(volume.spacing_mm, (1, 2, 3), rtol=1e-5)


def test_a_fourth_axis_of_length_one_is_dropped(tmp_path: Path) -> None:
    image(tmp_path / "a.nii", voxels()[..., None])
    assert read_volume(tmp_path / "a.nii")[0].shape == SHAPE


def test_labels_stay_whole_numbers(tmp_path: Path) -> None:
    labels = np.random.default_rng(1).integers(0, 5, SHAPE).astype(np.uint8)
    image(tmp_path / "a.nii", labels)
    volume, _ = read_label_map(tmp_path / "a.nii")
    assert volume.voxels.dtype == np.int16
    np.testing.assert_array_equal(volume.voxels, labels)


def test_an_image_is_no_label_map(tmp_path: Path) -> None:
    image(tmp_path / "a.nii", voxels() + 0.25)
    with pytest.raises(VolumeError, match="whole numbers"):
        read_label_map(tmp_path / "a.nii")


@pytest.mark.parametrize("label", [32768, 70000, -32769])
def test_a_label_too_large_to_keep_is_refused(label: int, tmp_path: Path) -> None:
    labels = np.zeros(SHAPE, dtype=np.int32)
    labels[3, 4, 5] = label
    image(tmp_path / "a.nii", labels)
    with pytest.raises(VolumeError, match="-32768 to 32767"):
        read_label_map(tmp_path / "a.nii")


def test_the_largest_label_is_kept(tmp_path: Path) -> None:
    labels = np.zeros(SHAPE, dtype=np.int32)
    labels[3, 4, 5] = 32767
    image(tmp_path / "a.nii", labels)
    assert read_label_map(tmp_path / "a.nii")[0].voxels.max() == 32767


@pytest.mark.parametrize(
    ("plain", "name"),
    [("a.nii", "A.NII"), ("a.nii.gz", "A.NII.GZ"), ("a.nii.gz", "a.nii.GZ"), ("a.nii.gz", "a.NII.gz")],
)
def test_a_suffix_may_be_in_capitals(plain: str, name: str, tmp_path: Path) -> None:
    image(tmp_path / plain)
    path = (tmp_path / plain).rename(tmp_path / name)
    np.testing.assert_array_equal(read_volume(path)[0].voxels, voxels())


@pytest.mark.parametrize("suffix", [".Nii", ".nII.gz"])
def test_a_suffix_in_both_cases_never_reads_the_file_beside(suffix: str, tmp_path: Path) -> None:
    small = tmp_path / f"a{suffix.lower()}"
    image(small)
    other = small.rename(tmp_path / f"a{suffix}")
    image(small, voxels() + 1)
    with pytest.raises(VolumeError, match="in small letters"):
        read_volume(other)


def test_a_damaged_file_with_a_suffix_in_capitals_is_refused(tmp_path: Path) -> None:
    flipped_bit(tmp_path / "a.nii.gz")
    with pytest.raises(VolumeError, match="truncated or corrupt"):
        read_volume((tmp_path / "a.nii.gz").rename(tmp_path / "A.NII.GZ"))


def truncated(path: Path) -> None:
    image(path)
    path.write_bytes(path.read_bytes()[:-900])


def flipped_bit(path: Path) -> None:
    image(path)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0x10
    path.write_bytes(bytes(content))


def text(path: Path) -> None:
    path.write_text("not an image")


def text_in_gzip(path: Path) -> None:
    path.write_bytes(gzip.compress(b"not an image" * 100))


def empty(path: Path) -> None:
    path.write_bytes(b"")


def four_axes(path: Path) -> None:
    image(path, np.stack([voxels()] * 3, axis=-1))


def all_zero(path: Path) -> None:
    image(path, np.zeros(SHAPE, dtype=np.float32))


def not_a_number(path: Path) -> None:
    array = voxels()
    array[3, 4, 5] = np.nan
    image(path, array)


def one_slice(path: Path) -> None:
    image(path, voxels()[:, :, :1])


def colour(path: Path) -> None:
    kind = np.dtype([("R", "u1"), ("G", "u1"), ("B", "u1")])
    image(path, np.zeros(SHAPE, dtype=kind))


def no_orientation(path: Path) -> None:
    made = nibabel.Nifti1Image(voxels(), None)
    made.set_sform(None, code=0)
    made.set_qform(None, code=0)
    nibabel.save(made, path)


def two_minds(path: Path) -> None:
    made = nibabel.Nifti1Image(voxels(), AFFINE)
    made.set_sform(AFFINE, code=1)
    made.set_qform(np.diag([-2.0, 1.5, 1.2, 1.0]), code=1)
    nibabel.save(made, path)


def centimetres(path: Path) -> None:
    image(path, affine=np.diag([0.01, 0.01, 0.01, 1.0]))


def patched(path: Path, offset: int, content: bytes) -> None:
    image(path)
    whole = bytearray(gzip.decompress(path.read_bytes()))
    whole[offset : offset + len(content)] = content
    path.write_bytes(gzip.compress(bytes(whole)))


def singular(path: Path) -> None:
    patched(path, 280, np.array([[1, 0, 0, 0]] * 3, dtype="<f4").tobytes())  # srow_x to srow_z


def impossible_rotation(path: Path) -> None:
    patched(path, 252, struct.pack("<hhf", 1, 1, 2.0))  # qform_code, sform_code, and quatern_b of a unit quaternion


def lying_sides(path: Path) -> None:
    patched(path, 40, np.array([3, 30000, 30000, 30000, 1, 1, 1, 1], dtype="<i2").tobytes())  # dim


BAD_FILES: dict[Callable[[Path], None], str] = {
    truncated: "truncated, its compressed data stops in the middle",
    flipped_bit: "truncated or corrupt",
    text: "not a NIfTI file",
    text_in_gzip: "not a NIfTI file",
    empty: "the file is empty",
    four_axes: "expected one 3-D volume",
    all_zero: "the image is empty",
    not_a_number: "1 voxel is NaN or infinite",
    one_slice: "too few slices|expected one 3-D volume",
    colour: "colour or complex",
    no_orientation: "neither qform nor sform",
    two_minds: "disagree about left and right",
    centimetres: "check the header's units",
    singular: "singular",
    impossible_rotation: "qform is damaged",
    lying_sides: "impossible sides",
}


@pytest.mark.parametrize("spoil", BAD_FILES, ids=lambda spoil: spoil.__name__)
def test_a_bad_file_is_refused_with_its_name_and_the_reason(spoil: Callable[[Path], None], tmp_path: Path) -> None:
    path = tmp_path / "scan_7.nii.gz"
    spoil(path)
    with pytest.raises(VolumeError, match=BAD_FILES[spoil]) as caught:
        read_volume(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz", ".img"])
def test_no_damage_gets_past_the_reader(suffix: str, tmp_path: Path) -> None:
    """Bytes are flipped and cut off at random; the reader gives a volume, or refuses the file."""
    draws = np.random.default_rng(7)
    kind = nibabel.Nifti1Pair if suffix == ".img" else nibabel.Nifti1Image
    path, volume = tmp_path / f"scan{suffix}", np.arange(9 * 8 * 10, dtype=np.int16).reshape(9, 8, 10)
    nibabel.save(kind(volume, np.eye(4)), path)
    header = path.with_suffix(".hdr") if suffix == ".img" else path
    whole, refused = header.read_bytes(), 0
    for number in range(120):
        damaged = bytearray(whole)
        for place in draws.integers(0, min(len(whole), 352), size=8):
            damaged[place] = draws.integers(0, 256)
        header.write_bytes(bytes(damaged[: draws.integers(0, len(whole))] if number % 5 == 0 else damaged))
        with suppress(VolumeError):
            read_volume(path)
            continue
        refused += 1
    assert refused > 60


def test_a_want_of_memory_is_not_taken_for_a_damaged_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def want(*_: object, **__: object) -> None:
        raise MemoryError

    path = tmp_path / "scan.nii"
    nibabel.save(nibabel.Nifti1Image(np.arange(720, dtype=np.int16).reshape(9, 8, 10), np.eye(4)), path)
    monkeypatch.setattr(nibabel.Nifti1Image, "from_filename", want)
    with pytest.raises(MemoryError):
        read_volume(path)
    monkeypatch.undo()
    monkeypatch.setattr(np, "asanyarray", want)
    with pytest.raises(MemoryError):
        read_volume(path)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(VolumeError, match="no such file"):
        read_volume(tmp_path / "nothing.nii.gz")


def test_another_format_is_refused(tmp_path: Path) -> None:
    (tmp_path / "scan.mgz").write_bytes(b"1")
    with pytest.raises(VolumeError, match="expected a NIfTI file"):
        read_volume(tmp_path / "scan.mgz")


def test_a_plain_file_that_is_cut_is_refused(tmp_path: Path) -> None:
    image(tmp_path / "scan.nii")
    (tmp_path / "scan.nii").write_bytes((tmp_path / "scan.nii").read_bytes()[:-500])
    with pytest.raises(VolumeError, match="truncated or corrupt"):
        read_volume(tmp_path / "scan.nii")


def test_voxels_must_fit_their_grid(tmp_path: Path) -> None:
    image(tmp_path / "a.nii")
    volume, _ = read_volume(tmp_path / "a.nii")
    with pytest.raises(VolumeError, match="do not fit"):
        Volume(volume.voxels[1:], volume.grid)
