"""Pooling: the paper's way from 193x229x193 at 1 mm to 96x114x96 at 2 mm (section 4.1.1)."""

from typing import Any

import numpy as np

from medical_transformer.errors import VolumeError
from medical_transformer.volumes.grid import Grid
from medical_transformer.volumes.volume import Volume, Voxels


def average_pool(volume: Volume, factor: int) -> Volume:
    """Average blocks of `factor`^3 voxels; a remainder at the far end of an axis is dropped.

    Returns:
        A volume whose voxel centres are the centres of the blocks (float32).

    Raises:
        VolumeError: if an axis is shorter than the factor.
    """
    grid = pooled_grid(volume.grid, factor)
    means = _blocks(volume.voxels, factor, grid.shape).mean(axis=(1, 3, 5), dtype=np.float32)
    return Volume(means, grid)


def majority_pool(labels: Volume, factor: int) -> Volume:
    """Give each block of `factor`^3 voxels its most frequent label; of equals, the smallest.

    Returns:
        A volume on the grid of `average_pool`, with the voxel type of `labels`.

    Raises:
        VolumeError: if an axis is shorter than the factor.
    """
    grid = pooled_grid(labels.grid, factor)
    blocks = _blocks(labels.voxels, factor, grid.shape).transpose(0, 2, 4, 1, 3, 5).reshape(*grid.shape, factor**3)
    # Atlases have hundreds of labels: sorting each block finds its longest run without asking label by label.
    ordered = np.sort(blocks, axis=-1)
    run = np.ones(ordered.shape, dtype=np.int32)
    for place in range(1, ordered.shape[-1]):
        goes_on = ordered[..., place] == ordered[..., place - 1]
        run[..., place] += run[..., place - 1] * goes_on
    longest = run.argmax(axis=-1)[..., None]  # the first of equals, which holds the smallest label
    return Volume(np.take_along_axis(ordered, longest, axis=-1)[..., 0], grid)


def pooled_grid(grid: Grid, factor: int) -> Grid:
    """Return the grid that `average_pool` leaves.

    Raises:
        VolumeError: if an axis is shorter than the factor.
    """
    if factor < 1 or min(grid.shape) < factor:
        raise VolumeError(f"A volume of {grid.shape} cannot be pooled by {factor}.")
    right, anterior, superior = (side // factor for side in grid.shape)
    to_block_centres = np.diag([factor, factor, factor, 1.0])
    to_block_centres[:3, 3] = (factor - 1) / 2
    return Grid((right, anterior, superior), grid.voxel_to_world @ to_block_centres)


def _blocks(voxels: Voxels, factor: int, shape: tuple[int, int, int]) -> np.ndarray[Any, Any]:
    """Return the voxels with each axis split into (block, place in the block), the remainder dropped."""
    right, anterior, superior = shape
    kept = voxels[: right * factor, : anterior * factor, : superior * factor]
    return kept.reshape(right, factor, anterior, factor, superior, factor)
