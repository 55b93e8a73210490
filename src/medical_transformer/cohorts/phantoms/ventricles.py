"""The ventricles of the template, and the velocity under which they grow."""

from functools import cache
from typing import Any

import numpy as np
from jaxtyping import Bool
from scipy import ndimage

from medical_transformer.cohorts.phantoms.deformation import LATTICE, Velocity
from medical_transformer.cohorts.phantoms.sampling import halved, positions, sample
from medical_transformer.cohorts.phantoms.template import load_template
from medical_transformer.volumes import Volume

# The box of template space that holds the lateral and the third ventricle, in mm.
LOW_MM, HIGH_MM = (-42, -64, -14), (42, 36, 36)
# CSF this deep below the brain's surface is a ventricle, not a sulcus.
DEPTH_MM = 20.0
SMALLEST_PIECE_VOXELS = 300
REACH_MM = 14.0


@cache
def ventricle_map() -> Volume:
    """Return the mask of the ventricles on the template's grid (uint8, 0 or 255)."""
    template = load_template()
    grid = template.brain.grid
    csf = template.brain.voxels.astype(np.int16) - template.grey.voxels - template.white.voxels
    deep = _depth_mm(template.brain) > DEPTH_MM
    box = tuple(
        slice(int(low - origin), int(high - origin))
        for low, high, origin in zip(LOW_MM, HIGH_MM, grid.voxel_to_world[:3, 3], strict=True)
    )
    candidates = np.zeros(grid.shape, dtype=bool)
    candidates[box] = (csf[box] > 127) & deep[box]
    return Volume(np.where(_large_pieces(candidates), 255, 0).astype(np.uint8), grid)


@cache
def growth_velocity() -> Velocity:
    """Return the velocity that moves the ventricles' walls outwards by about 1 mm."""
    ventricles = halved(ventricle_map())
    full = ventricles.voxels > 127
    outside_mm, inside_mm = (2.0 * ndimage.distance_transform_edt(part) for part in (~full, full))
    distance = ndimage.gaussian_filter((outside_mm - inside_mm).astype(np.float32), 1.0)
    outward = np.stack(np.gradient(distance, 2.0))
    reach = np.exp(-((np.maximum(distance, 0.0) / REACH_MM) ** 2))
    points = positions(LATTICE)
    velocity = np.empty((3, *LATTICE.shape), dtype=np.float32)
    for axis in range(3):
        wall = Volume(ndimage.gaussian_filter(outward[axis] * reach, 1.0), ventricles.grid)
        velocity[axis] = sample(wall, points, outside=0.0).reshape(LATTICE.shape)
    return velocity


def _depth_mm(brain: Volume) -> np.ndarray[Any, Any]:
    """Return the depth below the brain's surface, computed at 3 mm and repeated."""
    coarse = brain.voxels[::3, ::3, ::3] > 0
    depth = 3.0 * ndimage.distance_transform_edt(np.pad(coarse, 1))[1:-1, 1:-1, 1:-1]
    fine = depth.astype(np.float32).repeat(3, 0).repeat(3, 1).repeat(3, 2)
    right, anterior, superior = brain.shape
    cut: np.ndarray[Any, Any] = fine[:right, :anterior, :superior]
    return cut


def _large_pieces(
    mask: Bool[np.ndarray[Any, Any], "right anterior superior"],
) -> Bool[np.ndarray[Any, Any], "right anterior superior"]:
    pieces, _ = ndimage.label(mask)
    sizes = np.bincount(pieces.ravel())
    sizes[0] = 0
    kept: Bool[np.ndarray[Any, Any], "right anterior superior"] = (sizes > SMALLEST_PIECE_VOXELS)[pieces]
    return kept
