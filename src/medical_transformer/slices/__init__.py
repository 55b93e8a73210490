"""Cutting a volume along three planes and putting it back; intensity curves; masking."""

from medical_transformer.slices.bezier import BezierCurves, draw_curves, transform_intensities
from medical_transformer.slices.masking import draw_masks, masked_count
from medical_transformer.slices.planes import Plane, assemble, cut

__all__ = [
    "BezierCurves",
    "Plane",
    "assemble",
    "cut",
    "draw_curves",
    "draw_masks",
    "masked_count",
    "transform_intensities",
]
