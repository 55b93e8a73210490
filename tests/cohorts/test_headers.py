"""What indexing finds in a header alone: a scan that has no place in space is refused before it is prepared."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest

from medical_transformer.cohorts import Scan, Verdict, index
from medical_transformer.cohorts.inspection import inspect_scan
from medical_transformer.errors import VolumeError
from medical_transformer.volumes import read_volume

SHAPE = (9, 11, 14)
AFFINE = np.diag([-2.0, 1.5, 1.2, 1.0])
SINGULAR = np.array([[1.0, 0, 0, 0]] * 3 + [[0, 0, 0, 1]])


def write(path: Path, kind: type = nibabel.Nifti1Image, spoil: Callable[[Any], None] = lambda _: None) -> None:
    """Write an image whose header is spoilt after nibabel has looked at it."""
    voxels = np.random.default_rng(0).integers(1, 2000, SHAPE).astype(np.int16)
    nibabel.save(kind(voxels, AFFINE), path)
    holder = path.with_suffix(".hdr") if path.suffix == ".img" else path
    content = holder.read_bytes()
    header = kind.header_class(content[: kind.header_class.template_dtype.itemsize], check=False)
    spoil(header)
    holder.write_bytes(header.binaryblock + content[len(header.binaryblock) :])


def problem(folder: Path, image: str) -> str:
    return inspect_scan(Scan(subject="a", name="a", images={"T1w": Path(image)}), folder).problem


def singular(header: Any) -> None:
    header.set_sform(SINGULAR, code=1)


def not_finite(header: Any) -> None:
    header["srow_y"] = [0, np.nan, 0, 0]


def flat_voxels(header: Any) -> None:
    header["sform_code"], header["qform_code"] = 0, 1
    header["pixdim"][3] = 0


def no_code(header: Any) -> None:
    header["sform_code"], header["qform_code"] = 0, 0


def two_minds(header: Any) -> None:
    header.set_qform(np.diag([2.0, 1.5, 1.2, 1.0]), code=1)


def impossible_rotation(header: Any) -> None:
    header["sform_code"], header["qform_code"], header["quatern_b"] = 1, 1, 2.0


def huge(header: Any) -> None:
    header.set_sform(AFFINE * 100, code=1)


@pytest.mark.parametrize("kind", [nibabel.Nifti1Image, nibabel.Nifti2Image])
@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (singular, "affine is singular or not finite (1 0 0 0; 1 0 0 0; 1 0 0 0)"),
        (not_finite, "affine is singular or not finite (-2 0 0 0; 0 nan 0 0;"),
        (flat_voxels, "affine is singular or not finite ("),
        (no_code, "neither qform nor sform"),
        (impossible_rotation, "qform is damaged"),
        (two_minds, "disagree about left and right"),
        (huge, "voxels of 200 x 150 x 120 mm"),
    ],
)
def test_a_header_without_a_place_in_space_is_a_problem(
    tmp_path: Path, kind: type, spoil: Callable[[Any], None], said: str
) -> None:
    write(tmp_path / "a.nii", kind, spoil)
    found = problem(tmp_path, "a.nii")
    assert found.startswith("a.nii has no place in space: ")
    assert said in found
    assert found.count("a.nii") == 1


@pytest.mark.parametrize("spoil", [singular, not_finite, no_code, impossible_rotation, two_minds, huge])
def test_index_refuses_the_headers_that_preparation_refuses_for_the_same_reason(
    tmp_path: Path, spoil: Callable[[Any], None]
) -> None:
    write(tmp_path / "a.nii", spoil=spoil)
    with pytest.raises(VolumeError) as refused:
        read_volume(tmp_path / "a.nii")
    assert f"{str(refused.value).removeprefix(f'{tmp_path}/a.nii: ')}" == problem(tmp_path, "a.nii").partition(": ")[2]


@pytest.mark.parametrize("size", [0.0, np.nan, np.inf])
def test_an_analyze_pair_whose_voxels_have_no_size_is_a_problem(tmp_path: Path, size: float) -> None:
    def spoil(header: Any) -> None:
        header["pixdim"][2] = size

    write(tmp_path / "a.img", nibabel.AnalyzeImage)
    assert problem(tmp_path, "a.img[axes=ASL]") == ""
    write(tmp_path / "a.img", nibabel.AnalyzeImage, spoil)
    assert f"a.img has no place in space: the header's affine is singular or not finite (2 0 0 0; 0 {size:g} 0 0" in (
        problem(tmp_path, "a.img[axes=ASL]")
    )


@pytest.mark.parametrize("kept", ["<", ">"])
def test_a_header_that_nibabel_mends_is_no_problem_and_not_talked_about(
    tmp_path: Path, kept: str, caplog: pytest.LogCaptureFixture
) -> None:
    voxels = np.random.default_rng(0).integers(1, 2000, SHAPE).astype(f"{kept}i2")
    header = nibabel.Nifti1Header(endianness=kept)
    image = nibabel.Nifti1Image(voxels, AFFINE, header)
    image.set_qform(AFFINE, code=1)
    image.header["pixdim"][1] = -2
    image.to_filename(tmp_path / "a.nii")
    assert problem(tmp_path, "a.nii") == ""
    assert caplog.records == []


def test_a_scan_without_a_place_is_refused_in_the_ledger_and_the_others_stay(tmp_path: Path) -> None:
    write(tmp_path / "anna.nii", spoil=singular)
    nibabel.Nifti1Image(np.arange(np.prod(SHAPE), dtype=np.int16).reshape(SHAPE), AFFINE).to_filename(
        tmp_path / "bert.nii"
    )
    indexed = index(tmp_path)
    assert [scan.name for scan in indexed.cohort.scans] == ["bert"]
    (refused,) = [entry for entry in indexed.ledger.of(Verdict.REFUSED) if entry.kind == "scan"]
    assert refused.reason.endswith("restore the header from the original export.")
