"""Real scans of several modalities from the folder to a scored label map, and real heads through what ships."""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import nibabel
import numpy as np
import pytest
import torch

import medical_transformer as mt
from medical_transformer.backbones import MedicalTransformer, MedicalTransformerConfig
from medical_transformer.cohorts import Verdict
from medical_transformer.evaluation.overlap import region_dice
from medical_transformer.preprocessing import BRATS, DEFAULT, PipelineConfig
from medical_transformer.reporting import LabelStyle, slices_picture
from medical_transformer.tasks import (
    Classification,
    Regression,
    SavedModel,
    Segmentation,
    TaskModel,
    find_model,
    load_model,
    save_model,
    shipped_models,
)
from medical_transformer.volumes import read_label_map, read_volume

REAL = Path(__file__).resolve().parents[3] / "shared" / "data"
MODALITIES = ("T1w", "T1ce", "T2w", "FLAIR")
TUMOUR = {"WT": (1, 2, 4), "TC": (1, 4), "ET": (4,)}
pytestmark = [pytest.mark.journey, pytest.mark.real]


@dataclass(frozen=True)
class Case:
    """A real scan with its truth: folder, how it is prepared, what is looked for, and an image and a map by name."""

    folder: Path
    pipeline: PipelineConfig
    regions: Mapping[str, tuple[int, ...]]
    lead: str
    truth: str


# The tumour at its own resolution, as BraTS is prepared; the lesions on the template's grid at 4 mm, and without
# the slowest step, which test_ixi goes through.
CASES = {
    "glioma": Case(
        REAL / "glioma", BRATS, TUMOUR, "BraTS20_Training_901/BraTS20_Training_901_t1.nii.gz",
        "BraTS20_Training_901/BraTS20_Training_901_seg.nii.gz",
    ),
    "ms": Case(
        REAL / "ms", DEFAULT.model_copy(update={"pool": 4, "bias_field": "none"}), {"lesion": (1,)},
        "patient07/T1.nii.gz", "patient07/lesions.nii.gz",
    ),
}  # fmt: skip


def write_model(case: Case, folder: Path) -> Path:
    """Save a small network of random weights that segments; its answers are noise, but lie where they should."""
    settings = {"in_channels": len(MODALITIES), "width": 4, "embedding": 8, "heads": 1, "head_size": 4}
    values = tuple(sorted({value for union in case.regions.values() for value in union}))
    with torch.random.fork_rng():
        torch.manual_seed(1)
        network = TaskModel(
            MedicalTransformer(MedicalTransformerConfig(**settings)), Segmentation(values=values, regions=case.regions)
        )
    backbone = {"name": "medical-transformer", "settings": settings}
    save_model(SavedModel(network, backbone, case.pipeline, 1, MODALITIES), folder)
    return folder


def table(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8") as file:
        return list(csv.DictReader(file, delimiter="\t"))


@pytest.fixture(scope="module", params=list(CASES))
def case(request: pytest.FixtureRequest) -> Case:
    if not CASES[request.param].folder.is_dir():
        pytest.skip("the open scans are not beside the checkout")
    return CASES[request.param]


@pytest.fixture(scope="module")
def answers(case: Case, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ask a small model about the raw folder."""
    out = tmp_path_factory.mktemp(case.folder.name)
    predicted = mt.predict([case.folder], write_model(case, out / "model"), out / "answers", workers=0)
    assert [answer.reason for answer in predicted.refused] == []
    assert len(predicted.answers) == 1
    return out / "answers"


def label_map(answers: Path) -> Path:
    (path,) = answers.glob("*_dseg.nii.gz")
    return path


def test_a_folder_of_four_modalities_becomes_one_prepared_scan_with_its_map(case: Case, tmp_path: Path) -> None:
    indexed = mt.index(case.folder, tmp_path / "cohort")
    (scan,) = indexed.cohort.scans
    assert set(scan.images) == set(MODALITIES)
    assert scan.segmentation is not None
    prepared = mt.prepare(indexed.cohort, tmp_path / "prepared", case.pipeline, workers=0)
    assert not prepared.ledger.of(Verdict.REFUSED)
    (done,) = prepared.cohort.scans
    images = [nibabel.load(tmp_path / "prepared" / done.images[word]) for word in MODALITIES]
    truth = nibabel.load(tmp_path / "prepared" / str(done.segmentation))
    assert {image.shape for image in images} == {truth.shape}
    assert all(np.allclose(image.affine, truth.affine) for image in images)
    # Where voxels are pooled, the brightest of them is an average.
    assert all(image.get_fdata().min() == 0 and 0.5 < image.get_fdata().max() <= 1 for image in images)
    assert set(np.unique(truth.get_fdata())) > {0}


def test_the_label_map_lies_on_the_grid_of_the_input_with_its_header(case: Case, answers: Path) -> None:
    given, made = nibabel.load(case.folder / case.lead), nibabel.load(label_map(answers))
    assert made.shape == given.shape
    assert np.array_equal(made.affine, given.affine)
    assert nibabel.aff2axcodes(made.affine) == nibabel.aff2axcodes(given.affine)
    for name in ("qform_code", "sform_code", "pixdim", "xyzt_units", "descrip"):
        assert np.array_equal(made.header[name], given.header[name]), name
    values = {value for union in case.regions.values() for value in union}
    assert set(np.unique(made.get_fdata())) <= {0, *values}


def test_the_volumes_of_the_regions_are_those_of_the_map(case: Case, answers: Path) -> None:
    made = nibabel.load(label_map(answers))
    voxel_ml = float(np.prod(made.header.get_zooms())) / 1000
    (row,) = table(answers / "predictions.tsv")
    for region, values in case.regions.items():
        counted = float(np.isin(made.get_fdata(), values).sum()) * voxel_ml
        assert float(row[f"{region}_ml"]) == pytest.approx(counted, rel=1e-4, abs=1e-3)


def test_the_map_can_be_scored_against_the_truth_and_drawn_beside_it(case: Case, answers: Path, tmp_path: Path) -> None:
    truth, made = (read_label_map(path)[0] for path in (case.folder / case.truth, label_map(answers)))
    scores = region_dice(truth.voxels, made.voxels, case.regions)
    assert set(scores) == set(case.regions)
    assert all(0 <= score <= 1 for score in scores.values())
    assert set(region_dice(truth.voxels, truth.voxels, case.regions).values()) == {1.0}
    head, _ = read_volume(case.folder / case.lead)
    styles = [LabelStyle(1, "first value", "#3f8fe0")]
    picture = slices_picture(head, title=case.folder.name, maps=[("Truth", truth), ("Answer", made)], labels=styles)
    assert picture.png.startswith(b"\x89PNG")


def answering() -> list[str]:
    """Return the models that ship and answer; an encoder answers nothing by itself."""
    return [name for name in shipped_models() if isinstance(load_model(find_model(name)).network, TaskModel)]


@pytest.mark.skipif(not (REAL / "ixi").is_dir(), reason="the open scans are not beside the checkout")
@pytest.mark.parametrize("name", answering())
def test_a_model_that_ships_answers_on_a_real_head(name: str, tmp_path: Path) -> None:
    raw = sorted((REAL / "ixi" / "IXI-T1").iterdir())[0]
    mt.predict([raw], name, tmp_path, workers=0)
    (row,) = table(tmp_path / "predictions.tsv")
    assert row["status"] in {"answered", "warned"}
    network = load_model(find_model(name)).network
    assert isinstance(network, TaskModel)
    match network.task:
        case Regression(label="age_years"):
            assert 18 < float(row["age_years"]) < 90
        case Classification(label=label, classes=classes):
            assert row[label] in classes
        case Segmentation(regions=regions):
            volumes = [float(row[f"{region}_ml"]) for region in regions]
            assert min(volumes) > 0
            assert sum(volumes) < 2000
