"""Training and validation loss over the epochs, one panel per fold."""

from collections.abc import Sequence

from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from medical_transformer.evaluation import FoldResult
from medical_transformer.reporting.figures.theme import (
    BLUE,
    MUTED,
    RED,
    add_legend,
    name_axes,
    new_figure,
)


def learning_curves(folds: Sequence[FoldResult]) -> Figure:
    """Draw the losses of every fold that kept a history; a vertical line marks the epoch that was tested."""
    kept = [fold for fold in folds if fold.history]
    figure, panels = new_figure(9.2, 2.6, len(kept), shared_y=True)
    for axes, fold in zip(panels, kept, strict=True):
        epochs = [record.epoch for record in fold.history]
        axes.plot(epochs, [record.training_loss for record in fold.history], color=BLUE, lw=1.2)
        axes.plot(
            epochs,
            [record.validation_loss for record in fold.history],
            color=RED,
            lw=1.8,
            marker="o" if len(epochs) == 1 else None,
        )
        if fold.best_epoch:
            axes.axvline(fold.best_epoch, color=MUTED, lw=0.9, ls=(0, (3, 2)))
        name_axes(axes, "Epoch", title=f"Fold {fold.fold}")
    panels[0].set_ylabel("Loss", color=MUTED, fontsize=8.5)
    handles = (
        Line2D([], [], color=BLUE, lw=1.2, label="Training"),
        Line2D([], [], color=RED, lw=1.8, label="Validation"),
        Line2D([], [], color=MUTED, lw=0.9, ls=(0, (3, 2)), label="Tested epoch"),
    )
    add_legend(figure, handles=handles, loc="outside lower right", ncols=3)
    return figure
