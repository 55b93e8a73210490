"""Small stripped brains, and untrained models that answer on them in a second."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from medical_transformer.backbones import MedicalTransformer, MedicalTransformerConfig
from medical_transformer.preprocessing import BRATS
from medical_transformer.tasks import Classification, Regression, SavedModel, Segmentation, TaskModel, save_model
from medical_transformer.volumes import Grid, Volume, write_volume

SHAPE = (50, 58, 46)
AFFINE = np.array([[3.4, 0, 0, -85], [0, 3.3, 0, -95.0], [0, 0, 3.2, -73], [0, 0, 0, 1]])
TASKS = {
    "age": Regression(label="age_years", unit="years"),
    "diagnosis": Classification(label="diagnosis", classes=("CN", "MCI", "AD")),
    "tumour": Segmentation(values=(1, 2, 4), regions={"WT": (1, 2, 4), "ET": (4,)}),
}


def brain(seed: int = 0) -> Volume:
    """Draw an ellipsoid of about 1.4 litres with 0 around it."""
    draw = np.random.default_rng(seed)
    right, anterior, superior = (
        (index - side / 2) / (side / 2) for index, side in zip(np.indices(SHAPE), SHAPE, strict=True)
    )
    inside = (right / 0.8) ** 2 + (anterior / 0.85) ** 2 + (superior / 0.88) ** 2 < 1
    voxels: Any = np.where(inside, 300 + 80 * right + 50 * anterior + draw.uniform(0, 60, SHAPE), 0)
    return Volume(voxels.astype(np.float32), Grid(SHAPE, AFFINE))


@pytest.fixture
def write_brain(tmp_path: Path) -> Callable[[str], Path]:
    def write(name: str, seed: int = 0) -> Path:
        path = tmp_path / "scans" / name
        write_volume(brain(seed), path)
        return path

    return write


@pytest.fixture
def make_model(tmp_path: Path) -> Callable[..., Path]:
    """Save an untrained model for a task and return its folder."""

    def make(task: str, *, modalities: tuple[str, ...] = ("T1w",), about: dict[str, Any] | None = None) -> Path:
        torch.manual_seed(3)
        settings = {"in_channels": len(modalities), "width": 4, "embedding": 8, "heads": 1, "head_size": 4}
        model = TaskModel(MedicalTransformer(MedicalTransformerConfig(**settings)), TASKS[task])
        preparation = BRATS.model_copy(update={"crop_shape": (44, 54, 42)})
        backbone = {"name": "medical-transformer", "settings": settings}
        folder = tmp_path / "models" / task
        save_model(SavedModel(model, backbone, preparation, 1, modalities, about or {}), folder)
        return folder

    return make
