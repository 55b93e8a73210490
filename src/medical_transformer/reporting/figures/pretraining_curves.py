"""How a stage of pre-training went: the loss, and every other validation number, beside the level of chance."""

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from medical_transformer.reporting.figures.theme import BLUE, MUTED, ORANGE, RED, add_legend, name_axes, new_figure
from medical_transformer.training import EpochRecord

DASHES = (0, (3, 2))


def pretraining_curves(records: Sequence[EpochRecord], best_epoch: int, chance: Mapping[str, float]) -> Figure:
    """Draw a panel for the loss and one for each other number; the dashed orange line is chance.

    Args:
        records: the journal.
        best_epoch: whose weights were kept.
        chance: what a network that knows nothing reaches, for those numbers where that is known.
    """
    names = ("loss", *records[0].metrics)
    figure, panels = new_figure(9.2, 2.6, len(names))
    epochs = [record.epoch for record in records]
    panels[0].plot(epochs, [record.training_loss for record in records], color=BLUE, lw=1.2, marker=_dot(records))
    for axes, name in zip(panels, names, strict=True):
        axes.plot(epochs, [record.number(name) for record in records], color=RED, lw=1.8, marker=_dot(records))
        axes.axvline(best_epoch, color=MUTED, lw=0.9, ls=DASHES)
        if name in chance:
            axes.axhline(chance[name], color=ORANGE, ls=(0, (6, 2)), lw=1.2)
        name_axes(axes, "Epoch", title=name.replace("_", " ").capitalize())
    add_legend(figure, handles=_legend(), loc="outside lower right", ncols=4)
    return figure


def _dot(records: Sequence[EpochRecord]) -> str | None:
    """A line of one point would not be seen."""
    return "o" if len(records) == 1 else None


def _legend() -> tuple[Any, ...]:
    return (
        Line2D([], [], color=BLUE, lw=1.2, label="Training"),
        Line2D([], [], color=RED, lw=1.8, label="Held-out subjects"),
        Line2D([], [], color=ORANGE, ls=(0, (6, 2)), lw=1.2, label="Chance"),
        Line2D([], [], color=MUTED, lw=0.9, ls=DASHES, label="Kept epoch"),
    )
