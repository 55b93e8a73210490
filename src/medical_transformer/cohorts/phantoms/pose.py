"""From template space to the scanner, and the grid of the scanner."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from nibabel import orientations
from scipy.spatial.transform import Rotation

from medical_transformer.cohorts.phantoms.parameters import Pose
from medical_transformer.errors import CohortError
from medical_transformer.volumes import Grid
from medical_transformer.volumes.grid import Affine

# The head turns about this point of template space; the scanner's origin meets it where nothing is shifted.
PIVOT_MM = (0.0, -8.0, -22.0)
AXIS_OF = {"R": 0, "L": 0, "A": 1, "P": 1, "S": 2, "I": 2}

# The middle of the brain's box in template space, and in the space of BraTS (measured on a real case).
BRAIN_CENTRE_MM = (0.0, -17.0, 5.0)
ATLAS_CENTRE_MM = (-118.0, 109.0, 72.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Acquisition:
    """How the scanner samples the head.

    Attributes:
        spacing_mm: voxel size along right, anterior and superior.
        field_of_view_mm: extent along right, anterior and superior.
        axes: the stored file's axes, such as `PSR`: the first index grows to the back, and so on.
    """

    spacing_mm: tuple[float, float, float] = (2.2, 1.9, 1.9)
    field_of_view_mm: tuple[float, float, float] = (198.0, 242.0, 242.0)
    axes: str = "PSR"

    def __post_init__(self) -> None:
        if sorted(AXIS_OF.get(letter, -1) for letter in self.axes) != [0, 1, 2]:
            raise CohortError(f"Axes name one of R/L, A/P and S/I each, such as 'PSR', but got {self.axes!r}.")

    def grid(self) -> Grid:
        """Return the grid in RAS+, centred on the scanner's origin."""
        sides = [round(extent / step) for extent, step in zip(self.field_of_view_mm, self.spacing_mm, strict=True)]
        affine = np.diag([*self.spacing_mm, 1.0])
        affine[:3, 3] = [-step * (side - 1) / 2 for step, side in zip(self.spacing_mm, sides, strict=True)]
        return Grid((sides[0], sides[1], sides[2]), affine)


def template_to_scanner(pose: Pose) -> Affine:
    """Return the affine from template space to the scanner, both in mm RAS+."""
    matrix = Rotation.from_euler("xyz", pose.rotation_degrees, degrees=True).as_matrix() @ np.diag(pose.size)
    affine = np.eye(4)
    affine[:3, :3] = matrix
    affine[:3, 3] = np.array(pose.shift_mm) - matrix @ np.array(PIVOT_MM)
    return affine


def template_to_atlas(pose: Pose) -> Affine:
    """Return the affine from template space to the space of BraTS, both in mm RAS+."""
    affine = template_to_scanner(pose)
    affine[:3, 3] = np.array(ATLAS_CENTRE_MM) - affine[:3, :3] @ np.array(BRAIN_CENTRE_MM)
    return affine


def stored_orientation(axes: str) -> np.ndarray[Any, Any]:
    """Return nibabel's orientation array that turns RAS+ voxels to the given axes."""
    ras, stored = (orientations.axcodes2ornt(tuple(letters)) for letters in ("RAS", axes))
    turn: np.ndarray[Any, Any] = orientations.ornt_transform(ras, stored)
    return turn
