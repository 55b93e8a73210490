"""Where voxels are: a shape and the affine that sends voxel indices to millimetres."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from medical_transformer.errors import VolumeError

Affine = Float[np.ndarray[Any, Any], "4 4"]


@dataclass(frozen=True, slots=True, eq=False)
class Grid:
    """A regular lattice of voxels in the head.

    Attributes:
        shape: voxels along right, anterior and superior.
        voxel_to_world: 4x4 affine from voxel indices to millimetres in RAS+ (the centre of voxel (0, 0, 0)
            lies at its last column).
    """

    shape: tuple[int, int, int]
    voxel_to_world: Affine

    def __post_init__(self) -> None:
        if len(self.shape) != 3 or min(self.shape) < 1:
            raise VolumeError(f"A grid needs three positive sides, but got {self.shape}.")
        determinant = np.linalg.det(self.voxel_to_world[:3, :3])
        if not np.isfinite(self.voxel_to_world).all() or abs(determinant) < 1e-9:
            raise VolumeError(
                f"The affine of a grid must be finite and invertible, but its determinant is {determinant:.3g}."
            )

    @property
    def spacing_mm(self) -> tuple[float, float, float]:
        """Distance between neighbouring voxels along each axis, in mm."""
        right, anterior, superior = np.linalg.norm(self.voxel_to_world[:3, :3], axis=0)
        return float(right), float(anterior), float(superior)

    @property
    def voxel_volume_ml(self) -> float:
        """Volume of one voxel in millilitres."""
        return float(abs(np.linalg.det(self.voxel_to_world[:3, :3]))) / 1000.0

    @property
    def world_to_voxel(self) -> Affine:
        """Affine from millimetres in RAS+ to voxel indices."""
        inverse: Affine = np.linalg.inv(self.voxel_to_world)
        return inverse

    def is_close(self, other: "Grid", tolerance_mm: float = 1e-3) -> bool:
        """Tell whether both grids have the same shape and the same corners within `tolerance_mm`."""
        return self.shape == other.shape and bool(np.allclose(self.corners_mm(), other.corners_mm(), atol=tolerance_mm))

    def corners_mm(self) -> Float[np.ndarray[Any, Any], "8 3"]:
        """World coordinates of the centres of the eight corner voxels, in mm."""
        ends = np.array(np.meshgrid(*[(0, side - 1) for side in self.shape], indexing="ij")).reshape(3, -1)
        corners: Float[np.ndarray[Any, Any], "8 3"] = (
            self.voxel_to_world[:3, :3] @ ends + self.voxel_to_world[:3, 3:]
        ).T
        return corners
