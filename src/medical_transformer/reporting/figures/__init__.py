"""Figures, one per file, all in one look; a page takes them as inline SVG."""

from medical_transformer.reporting.figures.agreement import agreement, errors_by_truth, fitted_line
from medical_transformer.reporting.figures.calibration import calibration_curves
from medical_transformer.reporting.figures.learning_curves import learning_curves
from medical_transformer.reporting.figures.overlap import dice_distributions
from medical_transformer.reporting.figures.roc import roc_curves
from medical_transformer.reporting.figures.theme import inline_svg

__all__ = [
    "agreement",
    "calibration_curves",
    "dice_distributions",
    "errors_by_truth",
    "fitted_line",
    "inline_svg",
    "learning_curves",
    "roc_curves",
]
