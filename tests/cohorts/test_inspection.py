import gzip
from collections.abc import Callable
from pathlib import Path

import nibabel
import numpy as np
import pytest

from medical_transformer.cohorts import Scan
from medical_transformer.cohorts.inspection import Inspected, inspect_scan

SHAPE = (9, 11, 14)


def image(path: Path, array: np.ndarray | None = None, kind: type = nibabel.Nifti1Image) -> Path:
    voxels = np.random.default_rng(0).integers(1, 2000, SHAPE).astype(np.int16) if array is None else array
    nibabel.save(kind(voxels, np.eye(4)), path)
    return path


def inspect(folder: Path, name: str) -> Inspected:
    return inspect_scan(Scan(subject="a", name="a", images={"T1w": Path(name)}), folder)


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz"])
@pytest.mark.parametrize("kind", [nibabel.Nifti1Image, nibabel.Nifti2Image])
@pytest.mark.parametrize("kept", ["int16", ">i2", "float32", "uint8"])
def test_a_whole_image_has_no_problem(tmp_path: Path, name: str, kind: type, kept: str) -> None:
    image(tmp_path / name, np.arange(np.prod(SHAPE)).reshape(SHAPE).astype(kept), kind)
    assert inspect(tmp_path, name).problem == ""


@pytest.mark.parametrize("series", [(9, 11, 14, 1), (9, 11, 14, 1, 1)])
def test_axes_of_one_volume_are_no_series(tmp_path: Path, series: tuple[int, ...]) -> None:
    image(tmp_path / "a.nii", np.ones(series, np.uint8))
    assert inspect(tmp_path, "a.nii").problem == ""


def shortened(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-7])


def with_a_flipped_bit(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def cut_inside(path: Path) -> None:
    """Compress a file that lacks its last voxels: the gzip stream itself is sound."""
    path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes())[:-6]))


def text(path: Path) -> None:
    path.write_text("Not found\n" * 100)


def compressed_text(path: Path) -> None:
    path.write_bytes(gzip.compress(b"Not found\n" * 100))


def uncompressed(path: Path) -> None:
    path.write_bytes(gzip.decompress(path.read_bytes()))


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (shortened, "is cut short: its compressed data stops in the middle"),
        (with_a_flipped_bit, "has damaged bytes"),
        (cut_inside, "is cut short: 6 bytes of its voxels are missing"),
        (text, "is called .gz but is not compressed"),
        (compressed_text, "does not begin with a NIfTI header"),
        (uncompressed, "is called .gz but is not compressed"),
        (lambda path: path.write_bytes(b""), "is empty (0 bytes)"),
        (lambda path: image(path, np.ones((9, 11, 14, 3), np.uint8)), "has the sides 9 x 11 x 14 x 3"),
        (lambda path: image(path, np.ones((9, 11), np.uint8)), "has the sides 9 x 11"),
        (lambda path: image(path, np.ones((90, 91, 5), np.uint8)), "has the sides 90 x 91 x 5; at least 8"),
        (lambda path: image(path, np.ones(SHAPE, np.complex64)), "has complex voxels"),
    ],
)
def test_a_damaged_image_is_refused_with_what_was_found(
    tmp_path: Path, damage: Callable[[Path], object], said: str
) -> None:
    damage(image(tmp_path / "a.nii.gz"))
    problem = inspect(tmp_path, "a.nii.gz").problem
    assert problem.startswith(f"a.nii.gz {said}")
    assert problem.count("a.nii.gz") == 1


@pytest.mark.parametrize(
    ("damage", "said"),
    [(shortened, "7 bytes"), (text, "NIfTI header"), (lambda p: p.write_bytes(gzip.compress(b"x")), "call it .nii.gz")],
)
def test_a_damaged_uncompressed_image_is_refused(tmp_path: Path, damage: Callable[[Path], object], said: str) -> None:
    damage(image(tmp_path / "a.nii"))
    assert said in inspect(tmp_path, "a.nii").problem


def test_a_file_of_several_gzip_members_that_ends_in_zeros_is_whole(tmp_path: Path) -> None:
    plain = image(tmp_path / "a.nii").read_bytes()
    (tmp_path / "b.nii.gz").write_bytes(gzip.compress(plain[:1000]) + gzip.compress(plain[1000:]) + bytes(512))
    assert inspect(tmp_path, "b.nii.gz").problem == ""


def test_a_damaged_map_is_a_problem_of_its_scan(tmp_path: Path) -> None:
    image(tmp_path / "a.nii")
    shortened(image(tmp_path / "map.nii.gz"))
    scan = Scan(subject="a", name="a", images={"T1w": Path("a.nii")}, segmentation=Path("map.nii.gz"))
    assert inspect_scan(scan, tmp_path).problem.startswith("map.nii.gz is cut short")


def test_the_content_hash_is_of_the_images_and_not_of_the_order_of_modalities(tmp_path: Path) -> None:
    image(tmp_path / "a.nii")
    image(tmp_path / "b.nii", np.ones(SHAPE, np.uint8))
    one = Scan(subject="a", name="a", images={"T1w": Path("a.nii"), "T2w": Path("b.nii")})
    other = Scan(subject="a", name="a", images={"T2w": Path("b.nii"), "T1w": Path("a.nii")})
    assert inspect_scan(one, tmp_path) == inspect_scan(other, tmp_path)


def test_other_voxels_and_other_sides_have_another_hash(tmp_path: Path) -> None:
    array = np.arange(np.prod(SHAPE)).reshape(SHAPE).astype(np.int16)
    image(tmp_path / "a.nii", array)
    image(tmp_path / "b.nii", array.reshape((11, 9, 14), order="F"))
    image(tmp_path / "c.nii", array + 1)
    hashes = [inspect(tmp_path, name).voxels for name in ("a.nii", "b.nii", "c.nii")]
    assert len(set(hashes)) == 3


@pytest.mark.parametrize("series", [(*SHAPE, 1), (*SHAPE, 1, 1)])
def test_axes_of_one_volume_leave_the_hash_of_the_voxels_as_it_is(tmp_path: Path, series: tuple[int, ...]) -> None:
    array = np.arange(np.prod(SHAPE)).reshape(SHAPE).astype(np.int16)
    image(tmp_path / "a.nii", array)
    image(tmp_path / "b.nii.gz", array.reshape(series))
    assert inspect(tmp_path, "a.nii").voxels == inspect(tmp_path, "b.nii.gz").voxels


def test_an_analyze_pair_that_lacks_voxels_is_refused(tmp_path: Path) -> None:
    nibabel.save(nibabel.AnalyzeImage(np.ones(SHAPE, np.int16), None), tmp_path / "a.img")
    assert inspect(tmp_path, "a.img[axes=ASL]").problem == ""
    shortened(tmp_path / "a.img")
    assert inspect(tmp_path, "a.img[axes=ASL]").problem.startswith("a.img is cut short: 7 bytes")
