"""A volume: voxels together with their grid."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Shaped

from medical_transformer.errors import VolumeError
from medical_transformer.volumes.grid import Affine, Grid

Voxels = Shaped[np.ndarray[Any, Any], "right anterior superior"]


@dataclass(frozen=True, slots=True, eq=False)
class Volume:
    """One 3-D image in memory, always with axes right, anterior, superior (RAS+).

    Attributes:
        voxels: intensities (float32) or labels (integers).
        grid: where the voxels are.
    """

    voxels: Voxels
    grid: Grid

    def __post_init__(self) -> None:
        if tuple(self.voxels.shape) != self.grid.shape:
            raise VolumeError(f"Voxels of shape {self.voxels.shape} do not fit a grid of {self.grid.shape}.")

    @property
    def shape(self) -> tuple[int, int, int]:
        """Voxels along right, anterior and superior."""
        return self.grid.shape

    @property
    def voxel_to_world(self) -> Affine:
        """Affine from voxel indices to millimetres in RAS+."""
        return self.grid.voxel_to_world

    @property
    def spacing_mm(self) -> tuple[float, float, float]:
        """Distance between neighbouring voxels along each axis, in mm."""
        return self.grid.spacing_mm

    def with_voxels(self, voxels: Voxels) -> "Volume":
        """Return other voxels on the same grid."""
        return Volume(voxels, self.grid)
