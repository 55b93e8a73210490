"""Aligning a brain with the template: 12 parameters that maximise the correlation of their intensities.

Coarse to fine, by Gauss-Newton steps with the mean of both images' gradients (efficient second-order minimisation:
Benhimane and Malis 2004; on medical images Vercauteren et al. 2007). Per step, gain and offset of the intensities
are fitted along with the affine, which makes the sum of squares that is minimised the same as correlation
(Evangelidis and Psarakis 2008).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import product
from typing import Any

import numpy as np
from jaxtyping import Bool, Float
from scipy import linalg, ndimage
from scipy.spatial.transform import Rotation

from medical_transformer.preprocessing.masks import centre
from medical_transformer.preprocessing.template import COARSE, load_template
from medical_transformer.volumes import Box, Grid, Volume, average_pool, bounding_box, crop
from medical_transformer.volumes.grid import Affine

# Millimetres between samples, from the first level to the last.
SPACINGS_MM = (8.0, 4.0, 2.0)
STEPS = (10, 6, 10)
FIRST_STEPS, BEST_STARTS = 3, 3
# Both images are smoothed by this share of the spacing, so that linear interpolation does no harm.
SMOOTHING = 0.5
# The template's surroundings that are compared, too: the brain's rim tells its size.
RIM_MM = 6.0
# A step that moves the points of the brain by less than this (mm) is the last of its level.
ENOUGH_MM = 0.003
# The search starts from each of these angles about every axis; a start holds over some 25 degrees.
START_DEGREES = (-30.0, 0.0, 30.0)
# Lengths are divided by this, so that all twelve parameters are of one size.
UNIT_MM = 50.0

Voxels = Float[np.ndarray[Any, Any], "right anterior superior"]
Samples = Float[np.ndarray[Any, Any], "sample"]


@dataclass(frozen=True, slots=True, eq=False)
class Alignment:
    """An affine and how well it fits.

    Attributes:
        native_from_template: affine from template to native millimetres.
        correlation: of the intensities in and around the template's brain.
    """

    native_from_template: Affine
    correlation: float


@dataclass(frozen=True, slots=True, eq=False)
class _Level:
    """The template's side of one level.

    Attributes:
        grid: the samples.
        inside: samples that are compared.
        values: the template's intensities there.
        gradient: their derivatives along right, anterior and superior, per `UNIT_MM`.
        points: the samples' coordinates from the brain's centre, in `UNIT_MM`, and a column of ones.
    """

    grid: Grid
    inside: Bool[np.ndarray[Any, Any], "right anterior superior"]
    values: Samples
    gradient: Float[np.ndarray[Any, Any], "sample 3"]
    points: Float[np.ndarray[Any, Any], "sample 4"]


def align(brain: Volume) -> Alignment:
    """Find the affine that brings a T1w brain to the template, wherever in its field of view it lies.

    Args:
        brain: a T1w brain, 0 around it; upright within some 50 degrees.
    """
    small = reduced(brain)
    coarse = smoothed(small, SPACINGS_MM[0])
    tried = [_climb(coarse, start, 0, FIRST_STEPS, similarity=True) for start in _starts(small)]
    promising = sorted(tried, key=_fit)[-BEST_STARTS:]
    found = max((_climb(coarse, one.native_from_template, 0, STEPS[0]) for one in promising), key=_fit)
    return _descend(small, found.native_from_template, 1)


def refine(brain: Volume, native_from_template: Affine) -> Alignment:
    """Improve an affine that is nearly right."""
    return _descend(reduced(brain), native_from_template, 0)


def slack_mm(brain: Volume, native_from_template: Affine) -> float:
    """Return how far a fresh search at 8 and 4 mm would move the brain's points on average, in native millimetres.

    Right after a good registration that is next to nothing; of an affine that is some degrees or millimetres wrong it
    tells how many, as long as the search still finds back.
    """
    small = reduced(brain)
    better = _descend(small, native_from_template, 0, len(SPACINGS_MM) - 1).native_from_template
    points = np.linalg.inv(_to_unit()) @ _level(0).points.T
    return float(np.linalg.norm(((better - native_from_template) @ points)[:3], axis=0).mean())


def _descend(small: Volume, native_from_template: Affine, first: int, end: int = len(SPACINGS_MM)) -> Alignment:
    """Climb on every level from `first` to the one before `end`."""
    found = Alignment(native_from_template, -1.0)
    for level in range(first, end):
        found = _climb(smoothed(small, SPACINGS_MM[level]), found.native_from_template, level, STEPS[level])
    return found


def _fit(found: Alignment) -> float:
    return found.correlation


def reduced(brain: Volume) -> Volume:
    """Cut the empty surroundings off and average fine voxels up to the template's size."""
    box = bounding_box(brain.voxels)
    factor = max(1, int(COARSE / max(brain.spacing_mm)))
    shape = tuple(-(-side // factor) * factor for side in box.shape)
    return average_pool(crop(brain, Box(box.start, (shape[0], shape[1], shape[2]))), factor)


def smoothed(volume: Volume, spacing_mm: float) -> Volume:
    """Smooth, with room around the brain for what it loses to its surroundings."""
    sigmas = [SMOOTHING * spacing_mm / side for side in volume.spacing_mm]
    rim = [int(np.ceil(3 * sigma)) for sigma in sigmas]
    wide = Box(
        (-rim[0], -rim[1], -rim[2]),
        (volume.shape[0] + 2 * rim[0], volume.shape[1] + 2 * rim[1], volume.shape[2] + 2 * rim[2]),
    )
    padded = crop(volume, wide)
    return padded.with_voxels(ndimage.gaussian_filter(padded.voxels, sigmas, truncate=3))


@cache
def _level(index: int) -> _Level:
    template, spacing_mm = load_template(), SPACINGS_MM[index]
    every = round(spacing_mm / COARSE)
    around = ndimage.distance_transform_edt(~template.mask.voxels, sampling=COARSE) <= RIM_MM
    box = bounding_box(around)
    brain = crop(Volume(_smoothed_like(template.brain, spacing_mm), template.brain.grid), box)
    inside = crop(Volume(around, template.brain.grid), box).voxels[::every, ::every, ::every]
    values = brain.voxels[::every, ::every, ::every]
    stride = np.diag([every, every, every, 1.0])
    shape = (values.shape[0], values.shape[1], values.shape[2])
    grid = Grid(shape, brain.voxel_to_world @ stride)
    world = grid.voxel_to_world @ np.vstack([np.argwhere(inside).T, np.ones(int(inside.sum()))])
    points = (_to_unit() @ world).T.astype(np.float32)
    return _Level(grid, inside, values[inside], gradient(values, spacing_mm)[inside], points)


def _smoothed_like(volume: Volume, spacing_mm: float) -> Voxels:
    smooth: Voxels = ndimage.gaussian_filter(volume.voxels, SMOOTHING * spacing_mm / COARSE, truncate=3)
    return smooth


def gradient(voxels: Voxels, spacing_mm: float) -> Float[np.ndarray[Any, Any], "right anterior superior 3"]:
    """Return the derivatives along the three axes, per `UNIT_MM`."""
    return np.stack(list(np.gradient(voxels, np.float32(spacing_mm / UNIT_MM))), axis=-1)


@cache
def _to_unit() -> Affine:
    """Affine from template millimetres to the coordinates of `_Level.points`."""
    mask = load_template().mask
    middle = (mask.voxel_to_world @ [*centre(mask.voxels), 1.0])[:3]
    unit = np.eye(4) / UNIT_MM
    unit[:3, 3], unit[3, 3] = -middle / UNIT_MM, 1.0
    return unit


def _starts(brain: Volume) -> Iterator[Affine]:
    """Lay the brain's centre and size upon the template's, turned by several angles."""
    mask = load_template().mask
    ratio = float(
        (brain.voxels > 0).sum() * brain.grid.voxel_volume_ml / (mask.voxels.sum() * mask.grid.voxel_volume_ml)
    )
    there = (brain.voxel_to_world @ [*centre(brain.voxels > 0), 1.0])[:3]
    for angles in product(START_DEGREES, repeat=3):
        turn = np.eye(4)
        turn[:3, :3] = Rotation.from_euler("xyz", angles, degrees=True).as_matrix() * ratio ** (1 / 3) * UNIT_MM
        turn[:3, 3] = there
        yield turn @ _to_unit()


def _climb(smooth: Volume, start: Affine, index: int, steps: int, *, similarity: bool = False) -> Alignment:
    """Take steps on one level until they no longer matter; keep the best place.

    Args:
        smooth: the moving brain, smoothed for this level.
        start: affine from template to native millimetres.
        index: the level.
        steps: at most.
        similarity: whether only to move, turn and scale evenly.
    """
    level, basis = _level(index), similarities() if similarity else np.eye(12, dtype=np.float32)
    best, affine = Alignment(start, -1.0), start
    for _ in range(steps):
        correlation, change = _step(level, smooth, affine, basis)
        if correlation > best.correlation:
            best = Alignment(affine, correlation)
        affine = affine @ np.linalg.inv(_to_unit()) @ linalg.expm(change) @ _to_unit()
        if np.abs(change).max() * UNIT_MM < ENOUGH_MM:
            break
    return best


def _step(
    level: _Level, smooth: Volume, affine: Affine, basis: Float[np.ndarray[Any, Any], "12 parameter"]
) -> tuple[float, Affine]:
    """Return the correlation at an affine, and the change of coordinates that should better it."""
    pull = smooth.grid.world_to_voxel @ affine @ level.grid.voxel_to_world
    sampled = ndimage.affine_transform(
        smooth.voxels, pull[:3, :3], offset=pull[:3, 3], output_shape=level.grid.shape, order=1
    )
    values = sampled[level.inside]
    if not values.std() > 0:
        return -1.0, np.zeros((4, 4))
    correlation = float(np.corrcoef(values, level.values)[0, 1])
    gain = np.float32(correlation * level.values.std() / values.std())
    offset = level.values.mean() - gain * values.mean()
    spacing_mm = level.grid.spacing_mm[0]
    mean = (level.gradient + gain * gradient(sampled, spacing_mm)[level.inside]) / 2
    slopes = (mean[:, :, None] * level.points[:, None, :]).reshape(len(values), 12) @ basis
    columns = np.column_stack([slopes, values, np.ones_like(values)])
    residual = level.values - gain * values - offset
    solved = np.linalg.lstsq(columns.T @ columns, columns.T @ residual, rcond=1e-10)[0]
    change = np.zeros((4, 4))
    change[:3] = (basis @ solved[: basis.shape[1]]).reshape(3, 4)
    return correlation, change


@cache
def similarities() -> Float[np.ndarray[Any, Any], "12 7"]:
    """Return the changes that move, turn or scale evenly, as columns over the rows of an affine."""
    changes = np.zeros((7, 3, 4), dtype=np.float32)
    for axis in range(3):
        changes[axis, axis, 3] = 1
        one, other = (axis + 1) % 3, (axis + 2) % 3
        changes[3 + axis, one, other], changes[3 + axis, other, one] = -1, 1
        changes[6, axis, axis] = 1
    return changes.reshape(7, 12).T
