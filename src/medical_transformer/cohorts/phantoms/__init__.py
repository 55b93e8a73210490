"""Phantoms: drawn brains and whole drawn cohorts whose truth is known, made from the MNI template alone."""

from medical_transformer.cohorts.phantoms.head import DrawnHead, draw_head, render_head
from medical_transformer.cohorts.phantoms.layouts import write_adni, write_brats, write_ixi
from medical_transformer.cohorts.phantoms.parameters import HeadParameters, Pose, draw_parameters
from medical_transformer.cohorts.phantoms.pose import Acquisition
from medical_transformer.cohorts.phantoms.storing import write_stored
from medical_transformer.cohorts.phantoms.truth import Truth
from medical_transformer.cohorts.phantoms.tumour import DrawnTumour, TumourLabel, draw_tumour, render_tumour
from medical_transformer.cohorts.phantoms.tumour_parameters import TumourParameters, draw_tumour_parameters

__all__ = [
    "Acquisition",
    "DrawnHead",
    "DrawnTumour",
    "HeadParameters",
    "Pose",
    "Truth",
    "TumourLabel",
    "TumourParameters",
    "draw_head",
    "draw_parameters",
    "draw_tumour",
    "draw_tumour_parameters",
    "render_head",
    "render_tumour",
    "write_adni",
    "write_brats",
    "write_ixi",
    "write_stored",
]
