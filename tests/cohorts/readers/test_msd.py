"""The Decathlon's tumours: other order of modalities, other numbers, the same regions as BraTS."""

import json
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest

from medical_transformer.cohorts import Cohort, Indexed, Verdict, index
from medical_transformer.errors import CohortError
from medical_transformer.volumes import read_label_map, read_volume

SHAPE = (9, 11, 14)
AFFINE = np.array([[-1.0, 0, 0, 90], [0, -1.0, 0, 126], [0, 0, 1.0, -72], [0, 0, 0, 1]])
# Of the real dataset.json.
DESCRIPTION: dict[str, Any] = {
    "name": "BRATS",
    "licence": "CC-BY-SA 4.0",
    "modality": {"0": "FLAIR", "1": "T1w", "2": "t1gd", "3": "T2w"},
    "labels": {"0": "background", "1": "edema", "2": "non-enhancing tumor", "3": "enhancing tumour"},
    "numTraining": 1,
    "training": [{"image": "./imagesTr/BRATS_457.nii.gz", "label": "./labelsTr/BRATS_457.nii.gz"}],
    "test": ["./imagesTs/BRATS_485.nii.gz"],
}
# The regions of both challenges, in the numbers of each.
BRATS_REGIONS = {"WT": (1, 2, 4), "TC": (1, 4), "ET": (4,)}
MSD_REGIONS = {"WT": (1, 2, 3), "TC": (2, 3), "ET": (3,)}


def save(array: Any, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    nibabel.save(nibabel.Nifti1Image(array, AFFINE), path)


def drawn(seed: int) -> Any:
    return np.random.default_rng(seed).integers(1, 900, (*SHAPE, 4)).astype(np.float32)


LABELS = np.random.default_rng(5).integers(0, 4, SHAPE).astype(np.uint8)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "Task01_BrainTumour"
    save(drawn(1), folder / "imagesTr" / "BRATS_457.nii.gz")
    save(drawn(2), folder / "imagesTs" / "BRATS_485.nii.gz")
    save(LABELS, folder / "labelsTr" / "BRATS_457.nii.gz")
    (folder / "imagesTr" / "._BRATS_457.nii.gz").write_bytes(b"\0\5\26\7")
    (folder / "dataset.json").write_text(json.dumps(DESCRIPTION))
    return folder


def entry(indexed: Indexed, item: str) -> tuple[Verdict, str]:
    return next((one.verdict, one.reason) for one in indexed.ledger.entries if one.item == item)


def test_each_modality_is_the_volume_that_dataset_json_says(source: Path) -> None:
    cohort = index(source).cohort
    assert list(cohort.scans[0].images) == ["T1w", "T1ce", "T2w", "FLAIR"]
    for modality, number in {"FLAIR": 0, "T1w": 1, "T1ce": 2, "T2w": 3}.items():
        volume, _ = read_volume(cohort.root / cohort.scans[0].images[modality])
        np.testing.assert_array_equal(volume.voxels, drawn(1)[::-1, ::-1, :, number])


def test_the_regions_of_a_tumour_are_those_of_brats(source: Path, tmp_path: Path) -> None:
    """The same tumour is laid out as BraTS lays it out, with BraTS's own numbers, and read by its reader."""
    case = "BraTS20_Training_001"
    for kind, number in {"flair": 0, "t1": 1, "t1ce": 2, "t2": 3}.items():
        save(drawn(1)[..., number], tmp_path / "brats" / case / f"{case}_{kind}.nii.gz")
    parts = {1: 2, 2: 1, 3: 4}  # oedema, non-enhancing, enhancing
    in_brats = sum((old == LABELS) * new for old, new in parts.items()).astype(np.uint8)
    save(in_brats, tmp_path / "brats" / case / f"{case}_seg.nii.gz")
    ours, theirs = index(source).cohort, index(tmp_path / "brats").cohort
    map_of = [read_label_map(one.root / (one.scans[0].segmentation or ""))[0].voxels for one in (ours, theirs)]
    for region, values in BRATS_REGIONS.items():
        expected = np.isin(LABELS, MSD_REGIONS[region])[::-1, ::-1]
        for read in map_of:
            np.testing.assert_array_equal(np.isin(read, values), expected)
    for modality in ("T1w", "T1ce", "T2w", "FLAIR"):
        both = [read_volume(one.root / one.scans[0].images[modality])[0].voxels for one in (ours, theirs)]
        np.testing.assert_array_equal(*both)


def test_test_cases_have_no_map_and_the_junk_of_macos_is_skipped(source: Path) -> None:
    indexed = index(source)
    assert [(scan.name, scan.segmentation is None) for scan in indexed.cohort.scans] == [
        ("BRATS_457", False),
        ("BRATS_485", True),
    ]
    assert entry(indexed, "imagesTr/._BRATS_457.nii.gz")[0] is Verdict.SKIPPED


def test_the_cohort_file_says_volume_and_numbers_and_is_read_again(source: Path, tmp_path: Path) -> None:
    indexed = index(source, tmp_path / "cohort")
    assert "imagesTr/BRATS_457.nii.gz[volume=2]" in (tmp_path / "cohort" / "cohort.tsv").read_text()
    assert "labelsTr/BRATS_457.nii.gz[values=1>2,2>1,3>4]" in (tmp_path / "cohort" / "cohort.tsv").read_text()
    assert Cohort.load(tmp_path / "cohort").scans == indexed.cohort.scans


def test_a_case_whose_file_is_missing_is_refused(source: Path) -> None:
    (source / "labelsTr" / "BRATS_457.nii.gz").unlink()
    indexed = index(source)
    assert entry(indexed, "BRATS_457") == (
        Verdict.REFUSED,
        "labelsTr/BRATS_457.nii.gz is not there; unpack the archive again.",
    )


def test_a_file_with_fewer_volumes_than_modalities_is_refused(source: Path) -> None:
    save(drawn(1)[..., :3], source / "imagesTr" / "BRATS_457.nii.gz")
    assert entry(index(source), "BRATS_457")[1] == (
        "imagesTr/BRATS_457.nii.gz has the sides 9 x 11 x 14 x 3 and no volume 3."
    )


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"modality": {"0": "CT"}}, "has 'CT' where one of flair, t1w, t1gd, t2w"),
        ({"labels": {"1": "liver"}}, "has 'liver'"),
        ({"training": [{"image": "./a.nii.gz"}]}, "is not the description"),
    ],
)
def test_a_description_of_something_else_is_refused(source: Path, change: dict[str, Any], said: str) -> None:
    (source / "dataset.json").write_text(json.dumps({**DESCRIPTION, **change}))
    with pytest.raises(CohortError, match=said):
        index(source, layout="msd")


def test_without_dataset_json_nothing_is_guessed(source: Path) -> None:
    (source / "dataset.json").unlink()
    with pytest.raises(CohortError, match="the order of the modalities is not known"):
        index(source)
