"""Normalised surface Dice: which share of two surfaces lies within a tolerance of the other."""

from typing import Any

import numpy as np
from scipy.spatial import KDTree

from medical_transformer.evaluation.overlap import Mask, Regions, Spacing, region_masks, same_grid
from medical_transformer.tasks import BRATS_REGIONS

# The tolerance of reported surface Dices: about what two people who draw a border on 1 mm scans disagree by.
TOLERANCE_MM = 2.0


def surface_dice(truth_mask: Mask, predicted_mask: Mask, spacing_mm: Spacing, tolerance_mm: float) -> float:
    """Return the share of both surfaces that lies within the tolerance of the other (Nikolov et al. 2018, section 4).

    1 means that nowhere would a person who accepts `tolerance_mm` of deviation move the border. As in the publication,
    surface elements stand at the corners of voxels, where a neighbourhood of 2 x 2 x 2 voxels is partly inside, and are
    weighted by their area. That area is taken here from the gradient of the neighbourhood, there from a table of
    triangles; the two differ at sharp corners only.

    Returns:
        A share in [0, 1]; 1.0 where both masks are empty, 0.0 where one is.

    Raises:
        ValueError: if the masks lie on two grids, or the tolerance is negative.
    """
    if tolerance_mm < 0:
        raise ValueError(f"A tolerance is a distance of 0 mm or more; got {tolerance_mm}.")
    truth, predicted = same_grid(truth_mask, predicted_mask)
    if not truth.any() or not predicted.any():
        return float(truth.any() == predicted.any())
    surfaces = [_elements(mask, spacing_mm) for mask in (truth, predicted)]
    (near, total), (near_back, total_back) = (
        _area_within(one, other, tolerance_mm) for one, other in (surfaces, surfaces[::-1])
    )
    return (near + near_back) / (total + total_back)


def region_surface_dice(
    truth_labels: Mask,
    predicted_labels: Mask,
    spacing_mm: Spacing,
    tolerance_mm: float,
    regions: Regions = BRATS_REGIONS,
) -> dict[str, float]:
    """Return the normalised surface Dice of each named region, each the union of its labels."""
    return {
        name: surface_dice(*region_masks(truth_labels, predicted_labels, labels), spacing_mm, tolerance_mm)
        for name, labels in regions.items()
    }


def _elements(mask: Any, spacing_mm: Spacing) -> tuple[Any, Any]:
    """Return place (mm) and area (mm²) of every surface element; outside the image is outside."""
    padded = np.pad(mask, 1).astype(float)
    gradients = []
    for axis, step in enumerate(spacing_mm):
        slope = np.diff(padded, axis=axis) / step
        for other in {0, 1, 2} - {axis}:
            slope = (slope + np.roll(slope, -1, other)) / 2  # the last of them meets the padding, and is cut off
            slope = np.take(slope, range(slope.shape[other] - 1), other)
        gradients.append(slope)
    # The integral of the gradient's length over a neighbourhood is the area of the surface in it (coarea formula).
    areas = np.sqrt(sum(slope**2 for slope in gradients)) * np.prod(spacing_mm)
    filled = areas > 0
    return np.argwhere(filled) * np.asarray(spacing_mm), areas[filled]


def _area_within(one: tuple[Any, Any], other: tuple[Any, Any], tolerance_mm: float) -> tuple[float, float]:
    """Return the area of a surface that is near the other, and its whole area."""
    places, areas = one
    # The margin counts an element that is off by just the tolerance, whatever the rounding of its distance.
    far = tolerance_mm * (1 + 1e-9) + 1e-9
    distances, _ = KDTree(other[0]).query(places, distance_upper_bound=far)
    return float(areas[np.isfinite(distances)].sum()), float(areas.sum())
