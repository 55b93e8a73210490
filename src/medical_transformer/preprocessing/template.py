"""The template: ICBM 2009 brain and tissue maps on the 2009c grid, from nilearn's wheel (works offline).

The wheel ships the symmetric 2009a variant; whole voxels lie between it and the 2009c grid, so it is moved
there by cropping, without interpolation.

Copyright (C) 1993-2009 Louis Collins, McConnell Brain Imaging Centre, Montreal Neurological Institute.
"""

import hashlib
from dataclasses import dataclass
from functools import cache
from importlib import util
from pathlib import Path

import numpy as np

from medical_transformer.errors import PreparationError
from medical_transformer.volumes import Box, Grid, Volume, average_pool, crop, read_volume

# The ICBM 2009c grid at 1 mm: the paper's grid (section 4.1.1).
MNI_GRID = Grid(
    (193, 229, 193),
    np.array([[1.0, 0, 0, -96], [0, 1.0, 0, -132], [0, 0, 1.0, -78], [0, 0, 0, 1]]),
)
SPACE = "MNI152NLin2009cAsym"
NAME = "ICBM 2009a nonlinear symmetric (from nilearn) on the ICBM 2009c grid"
COARSE = 2


@dataclass(frozen=True, slots=True, eq=False)
class Template:
    """The brain that others are brought to, on the 2009c grid pooled by 2 (96x114x96 at 2 mm).

    Attributes:
        brain: T1w intensities, 0 outside the brain.
        mask: true inside the brain.
        grey: share of grey matter, 0 to 1.
        white: share of white matter, 0 to 1.
        checksum: SHA-256 over the three source files, first 16 hex digits.
    """

    brain: Volume
    mask: Volume
    grey: Volume
    white: Volume
    checksum: str


@cache
def load_template() -> Template:
    """Read the template once per process.

    Raises:
        PreparationError: if nilearn is missing, or its files are.
    """
    paths = [_folder() / f"mni_icbm152_{word}_tal_nlin_sym_09a_converted.nii.gz" for word in ("t1", "gm", "wm")]
    missing = [path for path in paths if not path.is_file()]
    if missing:
        raise PreparationError(f"The template {missing[0]} is missing; reinstall nilearn.")
    brain, grey, white = (_on_grid(path) for path in paths)
    # Pooled means at the rim are small; half of a voxel inside the brain is the rim's middle.
    mask = average_pool(brain.with_voxels((brain.voxels > 0).astype(np.float32)), COARSE)
    return Template(
        brain=average_pool(brain, COARSE),
        mask=mask.with_voxels(mask.voxels >= 0.5),
        grey=_share(grey),
        white=_share(white),
        checksum=_checksum(paths),
    )


def _share(tissue: Volume) -> Volume:
    pooled = average_pool(tissue, COARSE)
    return pooled.with_voxels(pooled.voxels / float(tissue.voxels.max()))


def _on_grid(path: Path) -> Volume:
    volume, _ = read_volume(path)
    offset = volume.grid.world_to_voxel @ MNI_GRID.voxel_to_world
    start = np.rint(offset[:3, 3]).astype(int)
    if not np.allclose(offset[:3], np.column_stack([np.eye(3), start]), atol=1e-3):
        raise PreparationError(f"{path}: this template is not on whole millimetres; reinstall nilearn.")
    return crop(volume, Box((int(start[0]), int(start[1]), int(start[2])), MNI_GRID.shape))


def _folder() -> Path:
    spec = util.find_spec("nilearn")
    if spec is None or spec.origin is None:
        raise PreparationError("nilearn is not installed, which holds the template; run `pip install nilearn`.")
    return Path(spec.origin).parent / "datasets" / "data"


def _checksum(paths: list[Path]) -> str:
    digest = hashlib.sha256()
    for path in paths:
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]
