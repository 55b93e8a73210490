"""The tissues of one drawn brain at points of template space: template, folds, ageing and disease."""

from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from medical_transformer.cohorts.phantoms.hippocampus import shrink_hippocampi
from medical_transformer.cohorts.phantoms.parameters import HeadParameters
from medical_transformer.cohorts.phantoms.sampling import Points, Samples, sample
from medical_transformer.cohorts.phantoms.template import load_template

# Probabilities are raised to this power: an average of many brains becomes one brain.
SHARPENING = 1.6
# How much a fold's noise speaks where the template is undecided.
FOLD_STRENGTH = 1.5
# Averaging closes sulci; this opens them again.
DEPTH = 1.8


class Tissue(IntEnum):
    """Labels of the tissue map."""

    BACKGROUND = 0
    CSF = 1
    GREY = 2
    WHITE = 3


@dataclass(frozen=True, slots=True, eq=False)
class BrainTissue:
    """Tissue at points.

    Attributes:
        points_mm: where, in template space (after the deformation).
        brain: share of the point that is brain (CSF included), 0 to 1.
        csf, grey, white: shares of the brain's part, adding to 1.
        shade: what the template's T1 adds to the tissues, relative to white matter.
    """

    points_mm: Points
    brain: Samples
    csf: Samples
    grey: Samples
    white: Samples
    shade: Samples


def brain_tissue(points_mm: Points, folds: Samples, parameters: HeadParameters) -> BrainTissue:
    """Return the tissue at template positions.

    Args:
        points_mm: template positions (after the deformation).
        folds: the person's fold noise there, unit variance.
        parameters: ageing and disease are taken from it.
    """
    template = load_template()
    scale = np.float32(1 / 255)
    brain = sample(template.brain, points_mm, outside=0.0) * scale
    grey = sample(template.grey, points_mm, outside=0.0) * scale
    white = sample(template.white, points_mm, outside=0.0) * scale
    csf, grey, white = _decided(np.clip(1 - grey - white, 0, 1), grey, white, folds)
    csf, grey, white = _widen_sulci(csf, grey, white, parameters.sulcal_widening)
    csf, grey = shrink_hippocampi(points_mm, csf, grey, parameters.hippocampus_left_over)
    shade = (sample(template.shade, points_mm, outside=128.0) - 128) * np.float32(1 / 256)
    return BrainTissue(points_mm, brain, csf, grey, white, shade)


def _decided(csf: Samples, grey: Samples, white: Samples, folds: Samples) -> tuple[Samples, Samples, Samples]:
    """Sharpen the probabilities; where they are undecided, the folds decide."""
    valley = np.exp(FOLD_STRENGTH * np.clip(folds, -1.5, 1.5))
    parts = [DEPTH * csf**SHARPENING * valley, grey**SHARPENING, white**SHARPENING / valley]
    total = np.maximum(parts[0] + parts[1] + parts[2], 1e-6)
    return parts[0] / total, parts[1] / total, parts[2] / total


def _widen_sulci(csf: Samples, grey: Samples, white: Samples, widening: float) -> tuple[Samples, Samples, Samples]:
    wider = csf + np.float32(widening) * csf * (1 - csf)
    rest = (1 - wider) / np.maximum(1 - csf, 1e-6)
    return wider, grey * rest, white * rest
