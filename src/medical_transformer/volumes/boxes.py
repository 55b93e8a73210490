"""Cutting a box out of a volume, and putting it back."""

from dataclasses import dataclass

import numpy as np

from medical_transformer.errors import VolumeError
from medical_transformer.volumes.grid import Grid
from medical_transformer.volumes.volume import Volume, Voxels


@dataclass(frozen=True, slots=True)
class Box:
    """A box of voxels; it may reach beyond the volume, where cropping pads with zeros.

    Attributes:
        start: first voxel on each axis (may be negative).
        shape: voxels on each axis.
    """

    start: tuple[int, int, int]
    shape: tuple[int, int, int]


def bounding_box(mask: Voxels) -> Box:
    """Return the smallest box around the voxels that are not zero.

    Raises:
        VolumeError: if the mask is empty.
    """
    if not mask.any():
        raise VolumeError("An empty mask has no bounding box.")
    spans = [np.flatnonzero(mask.any(axis=tuple({0, 1, 2} - {axis}))) for axis in range(3)]
    starts = [int(span[0]) for span in spans]
    sides = [int(span[-1] - span[0] + 1) for span in spans]
    return Box((starts[0], starts[1], starts[2]), (sides[0], sides[1], sides[2]))


def centred_box(inner: Box, shape: tuple[int, int, int], within: tuple[int, int, int]) -> Box:
    """Return a box of the given shape centred on another, moved inside `within` as far as it fits."""
    starts = []
    for start, side, target, limit in zip(inner.start, inner.shape, shape, within, strict=True):
        centred = start + (side - target) // 2
        starts.append(min(max(centred, 0), limit - target) if target <= limit else (limit - target) // 2)
    return Box((starts[0], starts[1], starts[2]), shape)


def crop(volume: Volume, box: Box) -> Volume:
    """Cut a box out; voxels of the box outside the volume are 0."""
    voxels = np.zeros(box.shape, dtype=volume.voxels.dtype)
    inside, source = _overlap(box, volume.shape)
    voxels[inside] = volume.voxels[source]
    shift = np.eye(4)
    shift[:3, 3] = box.start
    return Volume(voxels, Grid(box.shape, volume.voxel_to_world @ shift))


def uncrop(cropped: Volume, box: Box, grid: Grid) -> Volume:
    """Put a box back where `crop` took it from; everything around it is 0."""
    voxels = np.zeros(grid.shape, dtype=cropped.voxels.dtype)
    inside, target = _overlap(box, grid.shape)
    voxels[target] = cropped.voxels[inside]
    return Volume(voxels, grid)


def _overlap(box: Box, shape: tuple[int, int, int]) -> tuple[tuple[slice, ...], tuple[slice, ...]]:
    """Return the common voxels of a box and a volume, in the box's indices and in the volume's."""
    inside, outside = [], []
    for start, side, limit in zip(box.start, box.shape, shape, strict=True):
        first, last = max(start, 0), min(start + side, limit)
        last = max(first, last)
        inside.append(slice(first - start, last - start))
        outside.append(slice(first, last))
    return tuple(inside), tuple(outside)
