"""Figures on disk."""

import io
from pathlib import Path

import matplotlib
from matplotlib.figure import Figure

from medical_transformer.cohorts.tables import write_text
from medical_transformer.reporting.figures.theme import PAPER, SETTINGS, write_literally
from medical_transformer.reporting.slices_picture import OverlayPicture
from medical_transformer.volumes.whole_files import write_bytes


def write_plot(figure: Figure, stem: Path) -> None:
    """Write a plot as PNG and SVG, on the colour of paper; the same figure gives the same bytes."""
    write_literally(figure)
    with matplotlib.rc_context({**SETTINGS, "svg.hashsalt": stem.name}):
        picture, drawing = io.BytesIO(), io.StringIO()
        figure.savefig(picture, format="png", dpi=200, facecolor=PAPER)
        figure.savefig(drawing, format="svg", facecolor=PAPER, metadata={"Date": None})
    write_bytes(stem.with_name(f"{stem.name}.png"), picture.getvalue())
    write_text(stem.with_name(f"{stem.name}.svg"), drawing.getvalue())


def write_overlay(overlay: OverlayPicture, path: Path) -> None:
    """Write a picture of slices."""
    write_bytes(path, overlay.png)
