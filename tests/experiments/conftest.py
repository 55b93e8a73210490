"""A tiny drawn cohort, written as `prepare` writes one, and settings that run in seconds."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from medical_transformer.cohorts import Cohort, Scan
from medical_transformer.evaluation import EvaluationResult
from medical_transformer.experiments import BackboneConfig, PretrainConfig, overlays, pretrain
from medical_transformer.preprocessing import PipelineConfig
from medical_transformer.preprocessing.names import ScanFiles
from medical_transformer.reporting.comparison import write_comparison
from medical_transformer.training import TrainingConfig
from medical_transformer.volumes import Grid, Volume, write_volume

# On a shared machine threads wait for one another longer than small networks compute.
torch.set_num_threads(1)

SHAPE = (20, 24, 16)
SUBJECTS = 9
BACKBONE = BackboneConfig(
    settings={"width": 4, "embedding": 8, "feed_forward": 12, "heads": 2, "head_size": 5, "dropout": 0.1}
)


def training(**settings: Any) -> TrainingConfig:
    return TrainingConfig(
        **{"epochs": 2, "batch_size": 4, "learning_rate": 1e-3, "device": "cpu", "compile": "never", **settings}
    )


def draw_head(number: int) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Draw a head that is larger in odd subjects, with a lesion that has a core."""
    rng = np.random.default_rng(number)
    places = np.stack(np.meshgrid(*(np.linspace(-1, 1, side) for side in SHAPE), indexing="ij"))
    inside = np.sqrt((places**2).sum(axis=0)) < 0.75 + 0.15 * (number % 2)
    centre = rng.uniform(-0.3, 0.3, 3)[:, None, None, None]
    away = np.sqrt(((places - centre) ** 2).sum(axis=0))
    labels = np.select([away < 0.2, away < 0.45], [1, 2], 0).astype(np.int16)
    voxels = np.clip(inside * (0.5 + 0.1 * rng.standard_normal(SHAPE)) + 0.3 * (labels > 0), 0, 1)
    return voxels.astype(np.float32), labels


def write_prepared(folder: Path, *, subjects: int = SUBJECTS) -> Path:
    """Write the files that `prepare` leaves; the last subject was scanned twice, the first has no age.

    Heads of odd subjects were shrunk by a fifth along the second axis when they were registered.
    """
    grid = Grid(SHAPE, np.diag([8.0, 8.0, 8.0, 1.0]))
    scans = []
    for number in [*range(subjects), subjects - 1]:
        subject = f"sub-{number}"
        name = f"{subject}_{'again' if any(scan.subject == subject for scan in scans) else 'first'}"
        voxels, labels = draw_head(number)
        write_volume(Volume(voxels, grid), folder / f"{name}_T1w.nii.gz")
        write_volume(Volume(labels, grid), folder / f"{name}_dseg.nii.gz")
        known: dict[str, float | str] = {"sex": ("female", "male")[number % 2], "grade": float(2 + number % 3)}
        if number > 0:
            known["age_years"] = 30.0 + 5 * number
        scans.append(
            Scan(
                subject=subject,
                name=name,
                images={"T1w": Path(f"{name}_T1w.nii.gz")},
                segmentation=Path(f"{name}_dseg.nii.gz"),
                labels=known,
                content_hash=f"{number:016x}",
            )
        )
    Cohort("drawn heads", folder, tuple(scans)).save(folder)
    pipeline = PipelineConfig(pool=8)
    for scan in scans:
        affine = np.diag([1.0, 1.25 if scan.labels["sex"] == "male" else 1.0, 1.0, 1.0])
        path = folder / ScanFiles.of(scan, pipeline).transform
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"prepared_to_native": affine.tolist()}))
    described = {"fingerprint": pipeline.fingerprint(), "config": pipeline.model_dump(mode="json"), "versions": {}}
    (folder / "pipeline.json").write_text(json.dumps(described))
    return folder


@pytest.fixture(scope="session", autouse=True)
def few_resamples_and_pictures() -> Iterator[None]:
    """Draw fewer bootstrap samples and pictures than a real report has; other rooms test those."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(EvaluationResult.summary.__kwdefaults__, "resamples", 40)
        patch.setitem(write_comparison.__kwdefaults__, "resamples", 40)
        patch.setattr(overlays, "SHOWN", 2)
        yield


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_prepared(tmp_path_factory.mktemp("prepared"))


@pytest.fixture(scope="session")
def write_cohort() -> Callable[..., Path]:
    return write_prepared


@pytest.fixture(scope="session")
def encoder(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return an encoder that was pre-trained on all subjects."""
    config = PretrainConfig(backbone=BACKBONE, exemplar=training(), masked=training(), validation=0.33)
    return pretrain(prepared, tmp_path_factory.mktemp("pretrained"), config).folder
