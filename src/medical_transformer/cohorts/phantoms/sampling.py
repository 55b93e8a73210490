"""Points in template space, and the maps that are sampled at them."""

from typing import Any

import numpy as np
from jaxtyping import Float, Shaped
from scipy import ndimage

from medical_transformer.volumes import Grid, Volume

# Positions in millimetres of template (MNI) space.
Points = Float[np.ndarray[Any, Any], "3 point"]
Samples = Float[np.ndarray[Any, Any], " point"]


def lattice(low_mm: tuple[int, int, int], high_mm: tuple[int, int, int], spacing_mm: float) -> Grid:
    """Return an isotropic, axis-aligned grid that covers a box of template space, given in mm."""
    sides = [int((high - low) // spacing_mm) + 1 for low, high in zip(low_mm, high_mm, strict=True)]
    affine = np.diag([spacing_mm, spacing_mm, spacing_mm, 1.0])
    affine[:3, 3] = low_mm
    return Grid((sides[0], sides[1], sides[2]), affine)


def positions(grid: Grid, to_template: Float[np.ndarray[Any, Any], "4 4"] | None = None) -> Points:
    """Return where the voxel centres of a grid lie in template space, in mm, voxels in C order."""
    affine = grid.voxel_to_world if to_template is None else to_template @ grid.voxel_to_world
    indices = np.ogrid[: grid.shape[0], : grid.shape[1], : grid.shape[2]]
    points = np.empty((3, *grid.shape), dtype=np.float32)
    for row in range(3):
        along = [(affine[row, axis] * indices[axis]).astype(np.float32) for axis in range(3)]
        points[row] = along[0] + along[1] + (along[2] + np.float32(affine[row, 3]))
    return points.reshape(3, -1)


def sample(
    volume: Volume, points_mm: Points, *, order: int = 1, outside: float | None = None
) -> Shaped[np.ndarray[Any, Any], " point"]:
    """Sample a map on an axis-aligned grid at points.

    Args:
        volume: the map; its grid must be axis-aligned (`lattice`).
        points_mm: where to sample, in mm of the map's space.
        order: 0 nearest, 1 linear.
        outside: the value beyond the map; the nearest voxel's value where it is not given.
    """
    origin = volume.voxel_to_world[:3, 3:].astype(np.float32)
    spacing = np.float32(volume.voxel_to_world[0, 0])
    indices = (points_mm - origin) / spacing
    mode = "nearest" if outside is None else "constant"
    output = volume.voxels.dtype if order == 0 else np.dtype(np.float32)
    sampled: Samples = ndimage.map_coordinates(
        volume.voxels, indices, output=output, order=order, mode=mode, cval=outside or 0.0, prefilter=False
    )
    return sampled


def halved(volume: Volume) -> Volume:
    """Return a map at every second voxel, each kept value averaged with its neighbours."""
    smooth = ndimage.uniform_filter(volume.voxels.astype(np.float32), 2, origin=-1)[::2, ::2, ::2]
    to_pair_centres = np.diag([2.0, 2.0, 2.0, 1.0])
    to_pair_centres[:3, 3] = 0.5
    shape = (smooth.shape[0], smooth.shape[1], smooth.shape[2])
    return Volume(np.ascontiguousarray(smooth), Grid(shape, volume.voxel_to_world @ to_pair_centres))


def smooth_step(values: Samples, start: Samples | float, width: float) -> Samples:
    """Rise from 0 to 1 over `width`, centred on `start`."""
    ramp = np.clip((values - start) / width + 0.5, 0.0, 1.0).astype(np.float32)
    risen: Samples = ramp * ramp * (3.0 - 2.0 * ramp)
    return risen


def smooth_noise(
    grid: Grid, wavelength_mm: float, random: np.random.Generator
) -> Float[np.ndarray[Any, Any], "right anterior superior"]:
    """Draw a smooth random field with zero mean and unit variance.

    Args:
        grid: where to draw it.
        wavelength_mm: features are about half as wide as this.
        random: the source of randomness.
    """
    white = random.standard_normal(grid.shape, dtype=np.float32)
    sigma = wavelength_mm / 6.0 / grid.spacing_mm[0]
    smooth = ndimage.gaussian_filter(white, sigma, mode="wrap")
    smooth -= smooth.mean()
    field: Float[np.ndarray[Any, Any], "right anterior superior"] = smooth / smooth.std()
    return field
