"""Slices of a volume along the three planes, with label maps laid over them.

Pictures are drawn in the neurological convention: the subject's left is on the left of the picture, and the
letters say so. (Radiologists are used to the mirror image.)
"""

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.patheffects import withStroke

from medical_transformer.errors import VolumeError
from medical_transformer.reporting.figures.theme import write_literally
from medical_transformer.volumes import Volume

BACKGROUND, LETTERS = "#000000", "#e8eaed"
# Per plane: its name, the axis it is cut along, and the letters left, right, bottom and top of the picture.
PLANES = (
    ("Sagittal", 0, ("P", "A", "I", "S")),
    ("Coronal", 1, ("L", "R", "I", "S")),
    ("Axial", 2, ("L", "R", "P", "A")),
)


@dataclass(frozen=True, slots=True)
class LabelStyle:
    """How one label of a map is shown.

    Attributes:
        value: the label.
        name: what it is, for the legend.
        colour: any colour that matplotlib knows.
        colour_name: the colour in a word, for those who cannot see it.
    """

    value: int
    name: str
    colour: str
    colour_name: str = ""

    @property
    def words(self) -> str:
        """The label and its colour, as in `Edema (green)`."""
        return f"{self.name} ({self.colour_name})" if self.colour_name else self.name


# The colours of the paper's Fig. 4, in hues that people with any colour vision can tell apart. WT is all
# three together, TC is blue and red, ET is red.
BRATS_LABELS = (
    LabelStyle(2, "Edema", "#2fbf8f", "green"),
    LabelStyle(1, "Necrotic and non-enhancing core", "#3f8fe0", "blue"),
    LabelStyle(4, "Enhancing tumour", "#f0452b", "red"),
)


@dataclass(frozen=True, slots=True)
class OverlayPicture:
    """A finished picture for a page.

    Attributes:
        title: such as the name of the scan.
        caption: what to see in it.
        alternative: the picture in words.
        png: the picture.
    """

    title: str
    caption: str
    alternative: str
    png: bytes

    @property
    def data_uri(self) -> str:
        """The picture as text that stands inside a page."""
        return "data:image/png;base64," + base64.b64encode(self.png).decode("ascii")


def slices_picture(
    volume: Volume,
    *,
    title: str,
    caption: str = "",
    maps: Sequence[tuple[str, Volume]] = (),
    labels: Sequence[LabelStyle] = BRATS_LABELS,
    at_voxel: tuple[int, int, int] | None = None,
) -> OverlayPicture:
    """Draw a volume, and under it once more per label map, along the three planes.

    Args:
        volume: intensities.
        title: what stands above, such as the name of the scan.
        caption: what to see in it.
        maps: name and label map on the volume's grid, such as `("Truth", ...)` and `("Prediction", ...)`.
        labels: how labels are shown; others stay invisible.
        at_voxel: where to cut; where most labelled voxels lie, or in the middle of the head, if not given.

    Raises:
        VolumeError: if a map lies on another grid.
    """
    for name, label_map in maps:
        if label_map.shape != volume.shape:
            raise VolumeError(
                f"{title}: the map {name!r} has shape {label_map.shape}, but the volume {volume.shape}; "
                "bring it onto the volume's grid first."
            )
    place = at_voxel or fullest_voxel([label_map.voxels for _, label_map in maps] or [volume.voxels])
    figure = _draw(volume, [("Scan", None), *((name, one.voxels) for name, one in maps)], labels, place)
    write_literally(figure)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=110, facecolor=BACKGROUND)
    return OverlayPicture(title, caption, _in_words(title, maps, labels), buffer.getvalue())


def fullest_voxel(arrays: Sequence[Any]) -> tuple[int, int, int]:
    """Return per axis the slice that shows most of what is labelled (or is brightest), in the first map that has any.

    Of several labels each counts alike, and the first of its voxels in a slice more than the next: a slice that shows
    some of each is preferred to one that shows much of the largest.
    """
    filled = next((one for one in arrays if np.any(one)), arrays[0])
    is_map = filled.dtype.kind != "f"
    parts = [filled == value for value in np.unique(filled[filled != 0])] if is_map else [np.abs(filled)]
    shown = [sum((_profile(part, axis) for part in parts), np.zeros(filled.shape[axis])) for axis in range(3)]
    right, anterior, superior = (int(np.argmax(one)) for one in shown)
    return right, anterior, superior


def _profile(part: Any, axis: int) -> Any:
    """Return the root of what each slice holds, as a share of the fullest."""
    sums = part.sum(axis=tuple({0, 1, 2} - {axis}))
    return np.sqrt(sums / max(sums.max(), 1e-9))


def _draw(volume: Volume, columns: Sequence[tuple[str, Any]], labels: Sequence[LabelStyle], place: Any) -> Figure:
    """Draw a row per plane and a column per map; without maps the planes stand side by side."""
    sides = np.multiply(volume.shape, volume.spacing_mm)
    width, heights = max(sides[0], sides[1]), (sides[2], sides[2], sides[1])
    alone = len(columns) == 1
    ratios = {"width_ratios": (1, 1, 1)} if alone else {"height_ratios": heights}
    scale = 2.5 / width
    height = scale * (max(heights) if alone else sum(heights))
    figure = Figure(figsize=(7.6, height + 0.7), layout="constrained")
    shape = (1, 3) if alone else (3, len(columns))
    panels = figure.subplots(*shape, squeeze=False, gridspec_kw=ratios)
    low, high = np.quantile(volume.voxels, [0.0, 0.995])
    for (row, column), panel in np.ndenumerate(panels):
        plane, axis, letters = PLANES[column if alone else row]
        name, label_map = columns[0 if alone else column]
        grey = np.take(volume.voxels, place[axis], axis=axis).T
        options = geometry(grey, [side for k, side in enumerate(volume.spacing_mm) if k != axis])
        panel.imshow(grey, cmap="gray", vmin=low, vmax=max(high, low + 1e-6), **options)
        if label_map is not None:
            flat = np.take(label_map, place[axis], axis=axis).T
            panel.imshow(coloured(flat, labels), **options)
        panel.set(xlim=(-width / 2, width / 2))
        if alone:
            panel.set(ylim=(-max(heights) / 2, max(heights) / 2))
        letter_sides(panel, letters)
        _frame(panel, plane if alone else name if row == 0 else "", "" if alone or column else plane)
    if not alone:
        add_label_legend(figure, labels)
    return figure


def geometry(slice_: Any, spacing_mm: Sequence[float]) -> dict[str, Any]:
    """Return how to show a slice in millimetres around its middle, so that all planes share one scale."""
    up, across = (count * step / 2 for count, step in zip(slice_.shape, reversed(spacing_mm), strict=True))
    return {"origin": "lower", "interpolation": "nearest", "extent": (-across, across, -up, up)}


def coloured(label_slice: Any, labels: Sequence[LabelStyle]) -> Any:
    """Return a slice of a label map as colours (red, green, blue, opacity)."""
    picture = np.zeros((*label_slice.shape, 4))
    for label in labels:
        picture[label_slice == label.value] = to_rgba(label.colour, 0.72)
    return picture


def letter_sides(panel: Any, letters: tuple[str, str, str, str]) -> None:
    """Write where left, right, bottom and top of the picture are in the head."""
    places = (
        (0.02, 0.5, "left", "center"),
        (0.98, 0.5, "right", "center"),
        (0.5, 0.02, "center", "bottom"),
        (0.5, 0.98, "center", "top"),
    )
    for letter, (x, y, horizontal, vertical) in zip(letters, places, strict=True):
        text = panel.text(
            x, y, letter, color=LETTERS, fontsize=8, ha=horizontal, va=vertical, transform=panel.transAxes
        )
        text.set_path_effects([withStroke(linewidth=2, foreground=BACKGROUND)])


def _frame(panel: Any, plane: str, name: str) -> None:
    panel.set(xticks=[], yticks=[], facecolor=BACKGROUND)
    for spine in panel.spines.values():
        spine.set_visible(False)
    panel.set_title(plane, color=LETTERS, fontsize=9)
    panel.set_ylabel(name, color=LETTERS, fontsize=10)


def add_label_legend(figure: Figure, labels: Sequence[LabelStyle]) -> None:
    """Say under the picture which colour is which label."""
    patches = [Patch(color=label.colour, label=label.words) for label in labels]
    figure.legend(handles=patches, loc="outside lower center", ncols=3, frameon=False, labelcolor=LETTERS, fontsize=8.5)


def _in_words(title: str, maps: Sequence[tuple[str, Volume]], labels: Sequence[LabelStyle]) -> str:
    text = f"Sagittal, coronal and axial slices of {title}, the subject's left on the left."
    for name, label_map in maps:
        counts = [
            f"{label.words} {np.sum(label_map.voxels == label.value) * label_map.grid.voxel_volume_ml:.1f} ml"
            for label in labels
        ]
        text += f" {name}: {', '.join(counts)}."
    return text
