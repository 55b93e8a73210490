"""Predicted against true numbers: the identity, and how far the answers are pulled to the mean."""

from typing import Any

import numpy as np
from matplotlib.figure import Figure

from medical_transformer.reporting.figures.theme import (
    BLUE,
    INK,
    MUTED,
    PAPER,
    RED,
    add_legend,
    name_axes,
    new_figure,
)


def agreement(truth: Any, predicted: Any, words: str) -> Figure:
    """Draw predicted against true values on equal axes, with the identity and the fitted line.

    Args:
        truth: true numbers.
        predicted: predicted numbers, as many.
        words: what is predicted, with its unit, such as `age (years)`.
    """
    figure, (axes,) = new_figure(4.5, 4.4)
    low, high = _limits(truth, predicted)
    axes.plot([low, high], [low, high], color=MUTED, lw=1, ls=(0, (4, 3)), label="Perfect answer")
    axes.scatter(truth, predicted, s=22, color=BLUE, alpha=0.65, edgecolor=PAPER, linewidth=0.4, zorder=3)
    line = fitted_line(truth, predicted)
    if line is not None:
        ends = np.array([np.min(truth), np.max(truth)])
        axes.plot(ends, line[0] * ends + line[1], color=RED, lw=1.8, label=f"Fit, slope {line[0]:.2f}")
    axes.set(xlim=(low, high), ylim=(low, high), aspect="equal")
    name_axes(axes, f"True {words}", f"Predicted {words}", "Predicted against true")
    add_legend(axes, loc="upper left")
    return figure


def errors_by_truth(truth: Any, predicted: Any, words: str, unit: str) -> Figure:
    """Draw predicted minus true against the true value, with the mean error of five equal groups."""
    figure, (axes,) = new_figure(4.5, 4.4)
    errors = predicted - truth
    axes.axhline(0, color=MUTED, lw=1, ls=(0, (4, 3)))
    axes.scatter(truth, errors, s=22, color=BLUE, alpha=0.65, edgecolor=PAPER, linewidth=0.4, zorder=3)
    groups = [group for group in np.array_split(np.argsort(truth, kind="stable"), 5) if len(group)]
    centres = [truth[group].mean() for group in groups]
    means = [errors[group].mean() for group in groups]
    spreads = [errors[group].std() for group in groups]
    axes.errorbar(
        centres,
        means,
        spreads,
        color=RED,
        lw=1.8,
        elinewidth=1,
        marker="o",
        ms=5,
        markeredgecolor=INK,
        markeredgewidth=0.5,
        zorder=4,
        label="Mean ± SD of fifths",
    )
    name_axes(axes, f"True {words}", f"Error ({unit})" if unit else "Error", "Predicted minus true")
    add_legend(axes, loc="upper right")
    return figure


def fitted_line(truth: Any, predicted: Any) -> tuple[float, float] | None:
    """Return slope and intercept of the least-squares line; None where the truth does not vary."""
    if len(truth) < 2 or np.ptp(truth) == 0:
        return None
    slope, intercept = np.polyfit(truth, predicted, 1)
    return float(slope), float(intercept)


def _limits(truth: Any, predicted: Any) -> tuple[float, float]:
    everything = np.concatenate([truth, predicted])
    margin = 0.05 * float(np.ptp(everything)) or 1.0
    return float(everything.min()) - margin, float(everything.max()) + margin
