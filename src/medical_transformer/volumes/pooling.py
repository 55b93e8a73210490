"""Average pooling: the paper's way from 193x229x193 at 1 mm to 96x114x96 at 2 mm (section 4.1.1)."""

import numpy as np

from medical_transformer.errors import VolumeError
from medical_transformer.volumes.grid import Grid
from medical_transformer.volumes.volume import Volume


def average_pool(volume: Volume, factor: int) -> Volume:
    """Average blocks of `factor`^3 voxels; a remainder at the far end of an axis is dropped.

    Returns:
        A volume whose voxel centres are the centres of the blocks.

    Raises:
        VolumeError: if an axis is shorter than the factor.
    """
    grid = pooled_grid(volume.grid, factor)
    right, anterior, superior = grid.shape
    kept = volume.voxels[: right * factor, : anterior * factor, : superior * factor]
    blocks = kept.reshape(right, factor, anterior, factor, superior, factor)
    return Volume(blocks.mean(axis=(1, 3, 5), dtype=np.float32), grid)


def pooled_grid(grid: Grid, factor: int) -> Grid:
    """Return the grid that `average_pool` leaves."""
    if factor < 1 or min(grid.shape) < factor:
        raise VolumeError(f"A volume of {grid.shape} cannot be pooled by {factor}.")
    right, anterior, superior = (side // factor for side in grid.shape)
    to_block_centres = np.diag([factor, factor, factor, 1.0])
    to_block_centres[:3, 3] = (factor - 1) / 2
    return Grid((right, anterior, superior), grid.voxel_to_world @ to_block_centres)
