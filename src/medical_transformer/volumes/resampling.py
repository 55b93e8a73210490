"""One interpolation from a volume onto another grid."""

import numpy as np
from scipy import ndimage

from medical_transformer.volumes.grid import Affine, Grid
from medical_transformer.volumes.volume import Volume

NEAREST, LINEAR, CUBIC = 0, 1, 3


def resample(
    volume: Volume, grid: Grid, *, world_to_world: Affine | None = None, order: int = LINEAR
) -> Volume:
    """Sample a volume at the voxel centres of another grid; outside its field of view it is 0.

    Args:
        volume: the source.
        grid: where to sample.
        world_to_world: affine from millimetres of `grid`'s space to millimetres of the source's space (the
            pull direction); identity where both share a space.
        order: 0 for labels, 1 linear, 3 cubic. A cubic result is clipped to the source's range, so that
            ringing adds no intensity.
    """
    between = np.eye(4) if world_to_world is None else world_to_world
    pull = volume.grid.world_to_voxel @ between @ grid.voxel_to_world
    source = volume.voxels
    sampled = ndimage.affine_transform(
        source.astype(np.float32, copy=False) if order else source,
        pull[:3, :3],
        offset=pull[:3, 3],
        output_shape=grid.shape,
        order=order,
        mode="grid-constant",
        cval=0.0,
    )
    if order > LINEAR:
        np.clip(sampled, min(float(source.min()), 0.0), max(float(source.max()), 0.0), out=sampled)
    return Volume(sampled, grid)
