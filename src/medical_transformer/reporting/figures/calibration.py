"""Calibration: of the scans that were given a chance of 70 %, how many were of the class?"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from medical_transformer.evaluation import SubjectPrediction
from medical_transformer.reporting.figures.theme import (
    MUTED,
    PAPER,
    SERIES,
    add_legend,
    name_axes,
    new_figure,
)

LEAST_IN_GROUP = 5


def calibration_curves(predictions: Sequence[SubjectPrediction], classes: Sequence[str]) -> Figure:
    """Draw the observed share of each class against its mean probability, in groups of equal size."""
    shown = list(classes)[1:] if len(classes) == 2 else list(classes)
    figure, (axes,) = new_figure(4.2, 3.8)
    axes.plot([0, 1], [0, 1], color=MUTED, lw=1, ls=(0, (4, 3)), label="Perfectly calibrated")
    for name, colour in zip(shown, SERIES * len(shown), strict=False):
        chances = np.array([one.probabilities[name] for one in predictions])
        happened = np.array([one.truth == name for one in predictions])
        means, shares = _groups(chances, happened)
        axes.plot(means, shares, color=colour, lw=1.6, marker="o", ms=5, markeredgecolor=PAPER, label=name)
    axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), aspect="equal")
    name_axes(axes, "Mean predicted probability", "Observed share", "Calibration")
    add_legend(axes, loc="upper left")
    return figure


def _groups(chances: Any, happened: Any) -> tuple[list[float], list[float]]:
    count = max(1, min(8, len(chances) // LEAST_IN_GROUP))
    parts = np.array_split(np.argsort(chances, kind="stable"), count)
    return [float(chances[part].mean()) for part in parts], [float(happened[part].mean()) for part in parts]
