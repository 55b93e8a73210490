"""Scores of label maps: Dice and the Hausdorff distance, for one mask or for named regions."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from jaxtyping import Shaped
from scipy import ndimage

from medical_transformer.tasks import BRATS_REGIONS

Mask = Shaped[np.ndarray[Any, Any], "right anterior superior"]
Spacing = tuple[float, float, float]
Regions = Mapping[str, Iterable[int]]


def dice(truth_mask: Mask, predicted_mask: Mask) -> float:
    """Return twice the overlap over the sum of both sizes; 1.0 where both are empty, as BraTS counts it."""
    truth, predicted = same_grid(truth_mask, predicted_mask)
    total = int(truth.sum()) + int(predicted.sum())
    return 2.0 * int((truth & predicted).sum()) / total if total else 1.0


def hausdorff95_mm(truth_mask: Mask, predicted_mask: Mask, spacing_mm: Spacing) -> float:
    """Return the 95 % Hausdorff distance between two surfaces, in mm.

    The greater of the two directed 95th percentiles (as MONAI computes it). Both empty is 0. One empty is the
    diagonal of the field of view, which on a BraTS image (240 x 240 x 155 at 1 mm) is the 373.13 mm with
    which that challenge punishes a region missed or invented.
    """
    truth, predicted = same_grid(truth_mask, predicted_mask)
    if not truth.any() and not predicted.any():
        return 0.0
    if not truth.any() or not predicted.any():
        return float(np.linalg.norm(np.multiply(truth.shape, spacing_mm)))
    there = _distances_mm(truth, predicted, spacing_mm)
    back = _distances_mm(predicted, truth, spacing_mm)
    return float(max(np.percentile(there, 95), np.percentile(back, 95)))


def region_dice(truth_labels: Mask, predicted_labels: Mask, regions: Regions = BRATS_REGIONS) -> dict[str, float]:
    """Return the Dice of each named region, each the union of its labels."""
    return {name: dice(*region_masks(truth_labels, predicted_labels, labels)) for name, labels in regions.items()}


def region_hausdorff95_mm(
    truth_labels: Mask, predicted_labels: Mask, spacing_mm: Spacing, regions: Regions = BRATS_REGIONS
) -> dict[str, float]:
    """Return the 95 % Hausdorff distance of each named region, in mm."""
    return {
        name: hausdorff95_mm(*region_masks(truth_labels, predicted_labels, labels), spacing_mm)
        for name, labels in regions.items()
    }


def region_masks(truth: Mask, predicted: Mask, labels: Iterable[int]) -> tuple[Mask, Mask]:
    """Return where truth and prediction have one of the labels."""
    wanted = list(labels)
    return np.isin(truth, wanted), np.isin(predicted, wanted)


def _distances_mm(source: Any, target: Any, spacing_mm: Spacing) -> Any:
    """Return the distance of every surface voxel of `source` to the surface of `target`."""
    to_target = ndimage.distance_transform_edt(~_surface(target), sampling=spacing_mm)
    return to_target[_surface(source)]


def _surface(mask: Any) -> Any:
    return mask & ~ndimage.binary_erosion(mask)


def same_grid(truth: Mask, predicted: Mask) -> tuple[Mask, Mask]:
    """Return two masks as truth values, or refuse masks of two grids."""
    if truth.shape != predicted.shape:
        raise ValueError(f"Two masks of one scan must lie on one grid; got {truth.shape} and {predicted.shape}.")
    return truth.astype(bool), predicted.astype(bool)
