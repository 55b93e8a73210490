"""Small stripped brains that the quick pipeline (a crop) can prepare, and the real scans for slow journeys."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from medical_transformer.cohorts import Cohort, Scan, Verdict
from medical_transformer.preprocessing import BRATS, PipelineConfig
from medical_transformer.preprocessing.caption import VERDICT_COLOURS
from medical_transformer.volumes import Grid, Volume, write_volume

SHAPE = (50, 58, 46)
GRID = Grid(SHAPE, np.array([[3.4, 0, 0, -85], [0, 3.3, 0, -95.0], [0, 0, 3.2, -73], [0, 0, 0, 1]]))
REAL = Path(__file__).resolve().parents[3] / "shared" / "data"


def brain_voxels(seed: int = 0) -> Any:
    """Draw an ellipsoid of about 1.4 litres with smooth and noisy intensities in it, 0 around it."""
    draw = np.random.default_rng(seed)
    places = [(index - side / 2) / (side / 2) for index, side in zip(np.indices(SHAPE), SHAPE, strict=True)]
    right, anterior, superior = places
    inside = (right / 0.8) ** 2 + (anterior / 0.85) ** 2 + (superior / 0.88) ** 2 < 1
    values = 300 + 80 * right + 50 * anterior * superior + draw.uniform(0, 60, SHAPE)
    return np.where(inside, values, 0).astype(np.float32)


@pytest.fixture
def brain() -> Volume:
    return Volume(brain_voxels(), GRID)


@pytest.fixture
def quick() -> PipelineConfig:
    return BRATS.model_copy(update={"crop_shape": (44, 54, 42)})


@pytest.fixture
def make_cohort(tmp_path: Path) -> Callable[..., Cohort]:
    """Write stripped brains and return their cohort."""

    def make(count: int = 2, modalities: tuple[str, ...] = ("T1w",), segmentation: bool = False) -> Cohort:
        root, scans = tmp_path / "raw", []
        for number in range(count):
            images = {}
            for channel, modality in enumerate(modalities):
                images[modality] = Path(f"s{number}_{modality}.nii.gz")
                volume = Volume(brain_voxels(10 * number + channel), GRID)
                write_volume(volume, root / images[modality])
            labels = Path(f"s{number}_seg.nii.gz") if segmentation else None
            if labels:
                drawn = np.zeros(SHAPE, np.int16)
                drawn[20:30, 22:33, 15 + number : 28] = 1 + number
                write_volume(Volume(drawn, GRID), root / labels)
            known = {"age_years": 40.5 + number, "sex": "female"}
            scans.append(
                Scan(subject=f"s{number}", name=f"s{number}", images=images, segmentation=labels, labels=known)
            )
        return Cohort("drawn", root, tuple(scans))

    return make


@pytest.fixture
def pictured() -> Callable[[Path], set[Verdict]]:
    """Return what tells the verdicts in whose colours the caption of a picture is written."""

    def told(figure: Path) -> set[Verdict]:
        with Image.open(figure) as picture:
            used = {pixel for _, pixel in picture.convert("RGB").crop((0, 0, 900, 58)).getcolors(1 << 20) or ()}
        return {verdict for verdict, colour in VERDICT_COLOURS.items() if colour in used}

    return told


@pytest.fixture
def real_data() -> Path:
    """Return the folder of the open scans, or skip where they are not there."""
    if not REAL.is_dir():
        pytest.skip("the open scans are not beside the checkout (../shared/data)")
    return REAL
