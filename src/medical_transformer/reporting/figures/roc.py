"""ROC curves, each class against the rest: one thin line per fold, and their mean."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from medical_transformer.evaluation import SubjectPrediction, auc
from medical_transformer.reporting.figures.theme import LINE, MUTED, SERIES, name_axes, new_figure

GRID = np.linspace(0.0, 1.0, 101)


def roc_curves(predictions: Sequence[SubjectPrediction], classes: Sequence[str]) -> Figure:
    """Draw a panel per class; with two classes only the second, since the first is its mirror image."""
    shown = list(classes)[1:] if len(classes) == 2 else list(classes)
    figure, panels = new_figure(min(3.1 * len(shown), 9.2), 3.2, len(shown), in_a_row=3, shared_y=True)
    for axes, name, colour in zip(panels, shown, SERIES * len(shown), strict=False):
        axes.plot([0, 1], [0, 1], color=MUTED, lw=1, ls=(0, (4, 3)))
        curves, areas = _curves_of(predictions, name)
        for curve in curves:
            axes.plot(GRID, curve, color=colour, lw=0.9, alpha=0.4)
        if curves:
            axes.plot(GRID, np.mean(curves, axis=0), color=colour, lw=2.4)
        area = f"AUC {np.mean(areas):.3f}" if areas else "no curve"
        if len(areas) > 1:
            area += f" ± {np.std(areas, ddof=1):.3f}"
        axes.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.01), aspect="equal")
        axes.spines["bottom"].set_color(LINE)
        name_axes(axes, "False positive rate", title=f"{name} against the rest\n{area}")
    panels[0].set_ylabel("True positive rate", color=MUTED, fontsize=8.5)
    return figure


def _curves_of(predictions: Sequence[SubjectPrediction], name: str) -> tuple[list[Any], list[float]]:
    curves, areas = [], []
    for fold in sorted({one.fold for one in predictions}):
        chosen = [one for one in predictions if one.fold == fold]
        positive = np.array([one.truth == name for one in chosen])
        scores = np.array([one.probabilities[name] for one in chosen])
        if positive.all() or not positive.any():
            continue
        curves.append(_curve(positive, scores))
        areas.append(auc(positive, scores))
    return curves, areas


def _curve(positive: Any, scores: Any) -> Any:
    """Return the true positive rate at each false positive rate of the grid."""
    thresholds = np.unique(scores)[::-1]
    true_rate = [0.0, *(float((scores[positive] >= one).mean()) for one in thresholds)]
    false_rate = [0.0, *(float((scores[~positive] >= one).mean()) for one in thresholds)]
    return np.interp(GRID, false_rate, true_rate)
