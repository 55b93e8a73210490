"""How the Dice of each region is distributed over the scans."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from medical_transformer.reporting.figures.theme import (
    BLUE,
    GREEN,
    INK,
    PAPER,
    RED,
    SERIES,
    name_axes,
    new_figure,
)

# The colours of the paper's Fig. 4: edema, which only the whole tumour has, green; core blue; enhancing red.
REGION_COLOURS = {"WT": GREEN, "TC": BLUE, "ET": RED}


def dice_distributions(regions: Mapping[str, Sequence[float]]) -> Figure:
    """Draw a row per region: one point per scan, the quartiles as a box, the median as a line."""
    figure, (axes,) = new_figure(7.6, 0.75 * len(regions) + 0.9)
    for row, (name, values) in enumerate(regions.items()):
        colour = REGION_COLOURS.get(name, SERIES[row % len(SERIES)])
        _draw_row(axes, -row, np.asarray(values, dtype=float), colour)
    axes.set_yticks([-row for row in range(len(regions))], list(regions), color=INK, fontsize=10)
    axes.set(xlim=(-0.01, 1.01), ylim=(-len(regions) + 0.4, 0.6))
    axes.grid(visible=False, axis="y")
    name_axes(axes, "Dice of one scan (right is better)")
    return figure


def _draw_row(axes: Any, height: float, values: Any, colour: str) -> None:
    kept = values[np.isfinite(values)]
    if not len(kept):
        return
    spread = np.random.default_rng(len(kept)).uniform(-0.17, 0.17, size=len(kept))
    axes.scatter(kept, height - 0.08 + spread, s=18, color=colour, alpha=0.6, edgecolor=PAPER, linewidth=0.4)
    first, median, third = np.quantile(kept, [0.25, 0.5, 0.75])
    axes.plot([first, third], [height + 0.26] * 2, color=colour, lw=5, solid_capstyle="round", alpha=0.55)
    axes.plot([median], [height + 0.26], marker="o", ms=6, color=INK, markeredgecolor=PAPER)
    axes.annotate(f"{median:.2f}", (median, height + 0.34), ha="center", fontsize=8, color=INK)
