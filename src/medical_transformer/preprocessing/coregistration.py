"""Bringing another modality of the same visit to the leading image: six parameters, whatever the two contrasts.

The leading image's intensities are mapped to the mean that the other image has where they occur, and the other image is
moved until it fits that prediction: the correlation ratio (Roche et al. 1998) by Gauss-Newton steps.
"""

from typing import Any

import numpy as np
from jaxtyping import Float
from scipy import linalg, ndimage

from medical_transformer.preprocessing.alignment import (
    ENOUGH_MM,
    UNIT_MM,
    Samples,
    Voxels,
    gradient,
    reduced,
    similarities,
    smoothed,
)
from medical_transformer.volumes import Grid, Volume, resample
from medical_transformer.volumes.grid import Affine

# Millimetres to which both images are smoothed; the samples lie on the leading image's reduced grid.
SMOOTHNESSES_MM = (8.0, 4.0, 2.0)
STEPS = 15
BINS = 64
RIGID = 6


def bring_to(lead: Volume, other: Volume) -> Volume:
    """Return another image of the same visit on the leading image's grid, registered and interpolated once."""
    return resample(other, lead.grid, world_to_world=align_rigidly(lead, other), order=1)


def align_rigidly(lead: Volume, other: Volume) -> Affine:
    """Find the rigid motion from the leading image's millimetres to the other's, starting where the headers say.

    Args:
        lead: a head or a brain.
        other: the same, in any contrast; a visit's motion away, some centimetres at most.
    """
    coarse, moving = reduced(lead), reduced(other)
    unit = _to_unit(coarse.grid)
    affine: Affine = np.eye(4)
    for smoothness_mm in SMOOTHNESSES_MM:
        still = _on_grid(smoothed(coarse, smoothness_mm), coarse.grid)
        smooth = smoothed(moving, smoothness_mm)
        for _ in range(STEPS):
            change = _step(still, smooth, affine, unit)
            affine = affine @ np.linalg.inv(unit) @ linalg.expm(change) @ unit
            if np.abs(change).max() * UNIT_MM < ENOUGH_MM:
                break
    return affine


def _on_grid(volume: Volume, grid: Grid) -> Volume:
    return resample(volume, grid)


def _to_unit(grid: Grid) -> Affine:
    """Affine from millimetres to coordinates about the image's centre, in `UNIT_MM`."""
    unit = np.eye(4) / UNIT_MM
    unit[:3, 3], unit[3, 3] = -grid.corners_mm().mean(axis=0) / UNIT_MM, 1.0
    return unit


def _step(still: Volume, smooth: Volume, affine: Affine, unit: Affine) -> Affine:
    """Return the change of coordinates that should better the fit."""
    pull = smooth.grid.world_to_voxel @ affine @ still.voxel_to_world
    sampled = ndimage.affine_transform(
        smooth.voxels, pull[:3, :3], offset=pull[:3, 3], output_shape=still.shape, order=1
    )
    predicted = _predicted(still.voxels, sampled)
    both = _along_axes(predicted, still.grid) + _along_axes(sampled, still.grid)
    world = still.voxel_to_world @ np.vstack([np.indices(still.shape).reshape(3, -1), np.ones(predicted.size)])
    points = (unit @ world).T.astype(np.float32)
    slopes = (both.reshape(-1, 3)[:, :, None] / 2 * points[:, None, :]).reshape(-1, 12) @ similarities()[:, :RIGID]
    residual = (predicted - sampled).ravel()
    solved = np.linalg.lstsq(slopes.T @ slopes, slopes.T @ residual, rcond=1e-10)[0]
    change = np.zeros((4, 4))
    change[:3] = (similarities()[:, :RIGID] @ solved).reshape(3, 4)
    return change


def _along_axes(voxels: Voxels, grid: Grid) -> Float[np.ndarray[Any, Any], "right anterior superior 3"]:
    """Return the derivatives along the world's axes, per `UNIT_MM`."""
    per_voxel = gradient(voxels, UNIT_MM)
    to_world: Float[np.ndarray[Any, Any], "right anterior superior 3"] = per_voxel @ (
        grid.world_to_voxel[:3, :3] * UNIT_MM
    ).astype(np.float32)
    return to_world


def _predicted(lead: Voxels, other: Voxels) -> Voxels:
    """Map each intensity of the leading image to the mean of the other image where it occurs."""
    edges: Samples = np.unique(np.quantile(lead[lead > 0], np.linspace(0, 1, BINS)))
    bins = np.searchsorted(edges, lead)
    counts = np.bincount(bins.ravel(), minlength=len(edges) + 1)
    sums = np.bincount(bins.ravel(), weights=other.ravel(), minlength=len(edges) + 1)
    means: Voxels = (sums / np.maximum(counts, 1)).astype(np.float32)[bins]
    return means
