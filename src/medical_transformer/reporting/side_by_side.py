"""One slice of truth and of every method, side by side (Fig. 4 of the paper)."""

import io
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from medical_transformer.errors import VolumeError
from medical_transformer.reporting.figures.theme import write_literally
from medical_transformer.reporting.slices_picture import (
    BACKGROUND,
    BRATS_LABELS,
    LETTERS,
    PLANES,
    LabelStyle,
    OverlayPicture,
    add_label_legend,
    coloured,
    fullest_voxel,
    geometry,
    letter_sides,
)
from medical_transformer.volumes import Volume

IN_A_ROW = 4
AROUND_MM = 6.0


def methods_picture(
    volume: Volume,
    truth: Volume,
    answers: Sequence[tuple[str, Volume]],
    *,
    title: str,
    caption: str = "",
    remarks: Mapping[str, str] | None = None,
    labels: Sequence[LabelStyle] = BRATS_LABELS,
    plane: str = "Axial",
    at_voxel: tuple[int, int, int] | None = None,
) -> OverlayPicture:
    """Draw a slice as it is, with the true label map, and with every method's, at most four in a row.

    Args:
        volume: intensities.
        truth: the true label map on the volume's grid.
        answers: each method's title and label map on the volume's grid, in the order of the tables.
        title: what stands above, such as the name of the scan.
        caption: what to see in it.
        remarks: a few words under a method's title, such as its Dice.
        labels: how labels are shown; others stay invisible.
        plane: `Sagittal`, `Coronal` or `Axial`.
        at_voxel: where to cut; where most of the truth lies if not given.

    Raises:
        VolumeError: if a map lies on another grid, or there is no such plane.
    """
    maps = [("Truth", truth), *answers]
    odd = [name for name, one in maps if one.shape != volume.shape]
    if odd:
        raise VolumeError(f"{title}: the map {odd[0]!r} lies on another grid than the volume {volume.shape}.")
    known = {name: (axis, letters) for name, axis, letters in PLANES}
    if plane not in known:
        raise VolumeError(f"There is no plane {plane!r}; there are {', '.join(known)}.")
    axis, letters = known[plane]
    place = at_voxel or fullest_voxel([truth.voxels] if np.any(truth.voxels) else [volume.voxels])
    tiles = [("Scan", None), *((name, one.voxels) for name, one in maps)]
    figure = _draw(volume, tiles, labels, (axis, letters, place[axis]), remarks or {})
    write_literally(figure)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=130, facecolor=BACKGROUND)
    alternative = (
        f"{plane} slice of {title}: the scan, the truth, and the answers of {', '.join(n for n, _ in answers)}."
    )
    return OverlayPicture(title, caption, alternative, buffer.getvalue())


def _draw(
    volume: Volume,
    tiles: Sequence[tuple[str, Any]],
    labels: Sequence[LabelStyle],
    cut: tuple[int, tuple[str, str, str, str], int],
    remarks: Mapping[str, str],
) -> Figure:
    axis, letters, place = cut
    grey = np.take(volume.voxels, place, axis=axis).T
    options = geometry(grey, [side for k, side in enumerate(volume.spacing_mm) if k != axis])
    box = _around(grey, options["extent"])
    columns = min(IN_A_ROW, len(tiles))
    rows = math.ceil(len(tiles) / columns)
    height = 2.2 * (box[3] - box[2]) / (box[1] - box[0]) + 0.45
    figure = Figure(figsize=(2.2 * columns, height * rows + 0.5), layout="constrained")
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    low, high = np.quantile(volume.voxels, [0.0, 0.995])
    for panel, (name, label_map) in zip(panels, tiles, strict=False):
        panel.imshow(grey, cmap="gray", vmin=low, vmax=max(high, low + 1e-6), **options)
        if label_map is not None:
            panel.imshow(coloured(np.take(label_map, place, axis=axis).T, labels), **options)
        else:
            letter_sides(panel, letters)
        remark = f"\n{remarks[name]}" if name in remarks else ""
        panel.set_title(f"{name}{remark}", color=LETTERS, fontsize=8.5)
        panel.set(xlim=box[:2], ylim=box[2:])
    for panel in panels:
        panel.set_axis_off()
    add_label_legend(figure, labels)
    return figure


def _around(grey: Any, extent: tuple[float, float, float, float]) -> tuple[float, float, float, float]:
    """Return the limits (mm) of what is not background, with a margin, so that the head fills the tile."""
    left, right, low, high = extent
    limits = []
    for start, end, filled in ((left, right, (grey > 0).any(axis=0)), (low, high, (grey > 0).any(axis=1))):
        places = np.flatnonzero(filled) if filled.any() else np.array([0, len(filled) - 1])
        step = (end - start) / len(filled)
        limits += [start + step * places[0] - AROUND_MM, start + step * (places[-1] + 1) + AROUND_MM]
    return limits[0], limits[1], limits[2], limits[3]
