"""Forest plots of differences to the reference, and learning curves over shares of the labels."""

from typing import Any

import numpy as np
from matplotlib.figure import Figure

from medical_transformer.evaluation import AgainstReference
from medical_transformer.reporting import words
from medical_transformer.reporting.comparison.summary import ComparisonSummary
from medical_transformer.reporting.comparison.wording import column_name, percent
from medical_transformer.reporting.figures.theme import BLUE, INK, PAPER, SERIES, add_legend, name_axes, new_figure

MARKERS = "osD^vPX*"


def forest(summary: ComparisonSummary, task: str) -> Figure | None:
    """Draw each method's difference to the reference with its interval, a panel per headline score; the best on top.

    Returns:
        None where nothing is to be compared with the whole of the labels.
    """
    panels = {metric: _forest_rows(summary, task, metric) for metric in summary.headline(task)}
    panels = {metric: rows for metric, rows in panels.items() if rows}
    if not panels:
        return None
    names = list(dict.fromkeys(one.method for rows in panels.values() for one in rows))
    figure, axes = new_figure(9.2, 0.3 * len(names) + 1.3, len(panels), in_a_row=3, shared_y=True)
    titles = {method.name: method.title for method in summary.trials.methods}
    for axis, (metric, rows) in zip(axes, panels.items(), strict=True):
        axis.axvline(0, color=INK, lw=1)
        for one in rows:
            _forest_row(axis, one, -names.index(one.method))
        axis.set_yticks([-k for k in range(len(names))], [titles[name] for name in names], color=INK, fontsize=8.5)
        axis.set_ylim(-len(names) + 0.4, 0.6)
        axis.grid(visible=False, axis="y")
        axis.margins(x=0.12)
        name_axes(axis, f"Difference in {column_name(summary, task, metric)}", title=_direction(metric))
    return figure


def by_share(summary: ComparisonSummary, task: str) -> Figure | None:
    """Draw the pooled scores over the shares of the labels with their intervals, a panel per headline score.

    Returns:
        None where only one share is done.
    """
    methods = [
        method
        for method in summary.trials.methods
        if len([share for share in summary.shares if summary.cell(method.name, task, share)]) > 1
    ]
    if not methods:
        return None
    metrics = summary.headline(task)
    figure, axes = new_figure(9.2, 3.4, len(metrics), in_a_row=3)
    for axis, metric in zip(axes, metrics, strict=True):
        for place, method in enumerate(methods):
            _share_line(axis, summary, (method.name, task, metric), place, len(methods))
        axis.set_xticks([100 * share for share in summary.shares], [percent(share) for share in summary.shares])
        name_axes(axis, "Share of the training labels", column_name(summary, task, metric), _direction(metric))
    handles, _ = axes[0].get_legend_handles_labels()
    labels = [method.title for method in methods]
    add_legend(figure, handles=handles, labels=labels, loc="outside lower left", ncols=min(3, len(methods)))
    return figure


def _forest_rows(summary: ComparisonSummary, task: str, metric: str) -> list[AgainstReference]:
    found = [summary.difference(method.name, task, metric) for method in summary.trials.methods]
    known = [one for one in found if one is not None and np.isfinite(one.comparison.difference)]
    best_first = words.words_of(metric).better == "higher"
    return sorted(known, key=lambda one: one.comparison.difference, reverse=best_first)


def _forest_row(axis: Any, one: AgainstReference, height: float) -> None:
    interval, difference = one.comparison.interval, one.comparison.difference
    open_ = interval is None or interval.low <= 0 <= interval.high
    if interval is not None:
        axis.plot([interval.low, interval.high], [height] * 2, color=BLUE, lw=1.8, solid_capstyle="round")
    axis.plot([difference], [height], marker="o", ms=6, color=PAPER if open_ else BLUE, markeredgecolor=BLUE, mew=1.6)


def _share_line(axis: Any, summary: ComparisonSummary, place: tuple[str, str, str], number: int, of: int) -> None:
    method, task, metric = place
    points = []
    for share in summary.shares:
        cell = summary.cell(method, task, share)
        score = cell.scores.get(metric) if cell else None
        if score is not None and score.pooled is not None and np.isfinite(score.pooled):
            points.append((100 * share + 0.9 * (number - (of - 1) / 2), score.pooled, score.interval))
    colour = SERIES[number % len(SERIES)]
    across, up = [x for x, _, _ in points], [y for _, y, _ in points]
    axis.plot(across, up, color=colour, lw=1.8, marker=MARKERS[number % len(MARKERS)], ms=5, label=method)
    for x, _, interval in points:
        if interval is not None:
            axis.plot([x, x], [interval.low, interval.high], color=colour, lw=1, alpha=0.8)


def _direction(metric: str) -> str:
    known = words.words_of(metric)
    return f"{known.short}: {known.better} is better" if known.better else known.short
