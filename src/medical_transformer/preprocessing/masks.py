"""Small operations on masks."""

from typing import Any

import numpy as np
from jaxtyping import Bool
from scipy import ndimage

from medical_transformer.errors import PreparationError

MaskVoxels = Bool[np.ndarray[Any, Any], "right anterior superior"]


def largest_piece(mask: MaskVoxels) -> MaskVoxels:
    """Keep the largest connected piece.

    Raises:
        PreparationError: if the mask is empty.
    """
    pieces, count = ndimage.label(mask)
    if count == 0:
        raise PreparationError("An empty mask has no largest piece.")
    largest: MaskVoxels = pieces == 1 + int(np.bincount(pieces.ravel())[1:].argmax())
    return largest


def largest_piece_share(mask: MaskVoxels) -> float:
    """Return the share of the mask that its largest connected piece holds."""
    return float(largest_piece(mask).sum() / mask.sum())


def fill(mask: MaskVoxels) -> MaskVoxels:
    """Fill the holes that are closed in 3-D."""
    filled: MaskVoxels = ndimage.binary_fill_holes(mask)
    return filled


def border_share(mask: MaskVoxels) -> float:
    """Return the share of the mask's voxels that lie on a face of the field of view."""
    inner = mask[1:-1, 1:-1, 1:-1].sum()
    return float((mask.sum() - inner) / max(int(mask.sum()), 1))


def centre(mask: MaskVoxels) -> np.ndarray[Any, Any]:
    """Return the mean voxel index of the mask along each axis."""
    sums = [mask.sum(axis=tuple({0, 1, 2} - {axis})) for axis in range(3)]
    return np.array([np.average(np.arange(side.size), weights=side) for side in sums])
