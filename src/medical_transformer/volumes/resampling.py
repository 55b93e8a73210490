"""One interpolation from a volume onto another grid."""

from itertools import product

import numpy as np
from scipy import ndimage

from medical_transformer.errors import VolumeError
from medical_transformer.volumes.boxes import Box, bounding_box
from medical_transformer.volumes.grid import Affine, Grid
from medical_transformer.volumes.volume import Volume, Voxels

NEAREST, LINEAR, CUBIC = 0, 1, 3


def resample(volume: Volume, grid: Grid, *, world_to_world: Affine | None = None, order: int = LINEAR) -> Volume:
    """Sample a volume at the voxel centres of another grid; outside its field of view it is 0.

    Args:
        volume: the source.
        grid: where to sample.
        world_to_world: affine from millimetres of `grid`'s space to millimetres of the source's space (the
            pull direction); identity where both share a space.
        order: 0 for labels, 1 linear, 3 cubic. A cubic result is clipped to the source's range, so that
            ringing adds no intensity.

    Raises:
        VolumeError: if `order` is not one of 0 to 5.
    """
    if order not in range(6):
        raise VolumeError(f"Interpolation of order {order} is unknown; use 0 (labels), 1 (linear) or 3 (cubic).")
    between = np.eye(4) if world_to_world is None else world_to_world
    pull = volume.grid.world_to_voxel @ between @ grid.voxel_to_world
    source = volume.voxels.astype(np.float32, copy=False) if order else volume.voxels
    reached = _reached(source, pull, grid.shape) if order <= LINEAR else Box((0, 0, 0), grid.shape)
    sampled = np.zeros(grid.shape, dtype=source.dtype)
    inside = tuple(slice(start, start + side) for start, side in zip(reached.start, reached.shape, strict=True))
    if min(reached.shape) > 0:
        sampled[inside] = ndimage.affine_transform(
            source,
            pull[:3, :3],
            offset=pull[:3, :3] @ np.array(reached.start) + pull[:3, 3],
            output_shape=reached.shape,
            order=order,
            mode="grid-constant",
            cval=0.0,
        )
    if order > LINEAR:
        np.clip(sampled, min(float(source.min()), 0.0), max(float(source.max()), 0.0), out=sampled)
    return Volume(sampled, grid)


def _reached(source: Voxels, pull: Affine, shape: tuple[int, int, int]) -> Box:
    """Return the box of output voxels that anything but 0 of the source can reach.

    Nearest and linear interpolation look no further than one voxel, so everything outside is exactly 0; a
    brain fills less than half of the template's grid, which halves the work.
    """
    if not source.any():
        return Box((0, 0, 0), (0, 0, 0))
    box = bounding_box(source)
    ends = [(start - 1, start + side) for start, side in zip(box.start, box.shape, strict=True)]
    push = np.linalg.inv(pull)
    corners = np.array([push[:3, :3] @ corner + push[:3, 3] for corner in product(*ends)])
    first = np.clip(np.floor(corners.min(axis=0)).astype(int), 0, shape)
    last = np.clip(np.ceil(corners.max(axis=0)).astype(int) + 1, first, shape)
    right, anterior, superior = (last - first).tolist()
    return Box((int(first[0]), int(first[1]), int(first[2])), (right, anterior, superior))
