"""Tiny images and tables, laid out as the data sets lay them out."""

import zlib
from collections.abc import Callable, Mapping
from pathlib import Path

import nibabel
import numpy as np
import pytest

REAL = Path(__file__).parents[4] / "shared" / "data"

Lay = Callable[..., Path]


def write_image(path: Path, content: int | None = None, shape: tuple[int, ...] = (8, 9, 10)) -> None:
    """Write an image that no other path has, unless two are given the same content."""
    seed = zlib.crc32(str(path).encode()) if content is None else content
    voxels = np.random.default_rng(seed).integers(0, 200, shape).astype(np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    nibabel.Nifti1Image(voxels, np.diag([2.0, 2.5, 3.0, 1.0])).to_filename(path)


@pytest.fixture
def lay(tmp_path: Path) -> Lay:
    """Lay out images and texts below a folder `data` and return it."""

    def lay(*images: str, texts: Mapping[str, str] | None = None) -> Path:
        for image in images:
            write_image(tmp_path / "data" / image)
        for name, text in (texts or {}).items():
            path = tmp_path / "data" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return tmp_path / "data"

    return lay


@pytest.fixture
def real() -> Path:
    """The open scans beside the checkout."""
    if not REAL.is_dir():
        pytest.skip("the open scans are not beside this checkout")
    return REAL
