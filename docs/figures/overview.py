"""Draw the overview of the README: `python docs/figures/overview.py` writes `overview.svg` beside this file.

The brain is the package's own template (ICBM 2009; see NOTICE). The parameter count comes from `methods()`.
"""

from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Circle, FancyArrowPatch, FancyBboxPatch, Polygon, Rectangle

from medical_transformer.experiments import methods
from medical_transformer.preprocessing.template import load_template
from medical_transformer.slices import Plane

WIDTH, HEIGHT = 1280, 560
NIGHT, PANEL, EDGE, WHITE, QUIET = "#0d1526", "#17223a", "#33425f", "#f3f6fb", "#9fb0cc"
COLOURS = {Plane.SAGITTAL: "#ff8a72", Plane.CORONAL: "#ffd166", Plane.AXIAL: "#5cd6c0"}
ROWS = {Plane.SAGITTAL: 404, Plane.CORONAL: 282, Plane.AXIAL: 160}
COUNTS = {Plane.SAGITTAL: 96, Plane.CORONAL: 114, Plane.AXIAL: 96}
PLACES = {Plane.SAGITTAL: 0.34, Plane.CORONAL: 0.42, Plane.AXIAL: 0.50}
MIDDLE = 282
SLICE_HEIGHT, FAN_WIDTH = 66, 172


def write(axes: Axes, x: float, y: float, text: str, size: float = 13, **options: object) -> None:
    """Write a text centred on a place."""
    settings = {"color": WHITE, "ha": "center", "va": "center_baseline", "linespacing": 1.35} | options
    axes.text(x, y, text, fontsize=size * 0.72, **settings)


def panel(axes: Axes, box: tuple[float, float, float, float], *, edge: str = EDGE, face: str = PANEL) -> None:
    """Draw a rounded box (left, bottom, width, height)."""
    left, bottom, width, height = box
    style = "round,pad=0,rounding_size=9"
    axes.add_patch(FancyBboxPatch((left, bottom), width, height, boxstyle=style, fc=face, ec=edge, lw=1.1))


def arrow(axes: Axes, start: tuple[float, float], stop: tuple[float, float], colour: str = QUIET) -> None:
    """Draw an arrow."""
    style = "-|>,head_length=4.5,head_width=2.6"
    axes.add_patch(FancyArrowPatch(start, stop, arrowstyle=style, color=colour, lw=1.3, shrinkA=0, shrinkB=0))


def picture(plane: Plane, share: float) -> np.ndarray:
    """Return a slice of the template as it is looked at, top row first, without the empty margin."""
    voxels = load_template().brain.voxels
    inside = np.argwhere(voxels > 0)
    voxels = voxels[tuple(slice(low - 3, high + 4) for low, high in zip(inside.min(0), inside.max(0), strict=True))]
    image = np.take(voxels, round(share * (voxels.shape[plane.axis] - 1)), axis=plane.axis)
    return np.clip(image.T[::-1] / np.percentile(voxels[voxels > 0], 99), 0, 1)


def place(
    axes: Axes, image: np.ndarray, corner: tuple[float, float], height: float, *, edge: str, depth: int = 0
) -> None:
    """Put a slice image on the canvas in a frame."""
    left, bottom = corner
    width = height * image.shape[1] / image.shape[0]
    extent = (left, left + width, bottom, bottom + height)
    axes.imshow(
        image, cmap="gray", vmin=0, vmax=1, extent=extent, interpolation="bilinear", aspect="auto", zorder=2 + depth
    )
    axes.add_patch(Rectangle((left, bottom), width, height, fill=False, ec=edge, lw=1.2, zorder=2 + depth))


def draw_scan(axes: Axes) -> None:
    """Draw the prepared scan."""
    place(axes, picture(Plane.SAGITTAL, 0.47), (36, MIDDLE - 64), 128, edge=QUIET)
    write(axes, 116, MIDDLE + 88, "scan", 16, weight="bold")
    write(axes, 116, MIDDLE - 91, "brain only, on the\nMNI grid, 96×114×96", 11.5, color=QUIET)


def draw_planes(axes: Axes) -> None:
    """Draw a fan of slices per plane."""
    for plane, y in ROWS.items():
        arrow(axes, (206, MIDDLE + (y - MIDDLE) * 0.35), (242, y), COLOURS[plane])
        images = [picture(plane, PLACES[plane] + share) for share in np.linspace(-0.2, 0.2, 5)]
        width = SLICE_HEIGHT * images[0].shape[1] / images[0].shape[0]
        for step, image in enumerate(images):
            corner = (254 + (FAN_WIDTH - width) / 4 * step, y - 41 + 4 * step)
            place(axes, image, corner, SLICE_HEIGHT, edge=COLOURS[plane], depth=step)
        write(axes, 340, y - 56, f"{plane}, {COUNTS[plane]} slices", 11.5, color=COLOURS[plane])
    write(axes, 340, 492, "three planes", 16, weight="bold")


def draw_encoders(axes: Axes) -> None:
    """Draw an encoder per plane and the vectors that it gives."""
    for plane, y in ROWS.items():
        colour = COLOURS[plane]
        arrow(axes, (436, y), (458, y), colour)
        corners = [(466, y - 42), (466, y + 42), (572, y + 24), (572, y - 24)]
        axes.add_patch(Polygon(corners, closed=True, fc=PANEL, ec=colour, lw=1.3, joinstyle="round"))
        write(axes, 517, y, "ResNet-18\n16·32·64·128", 11)
        arrow(axes, (580, y), (602, y), colour)
        for step in range(9):
            hidden = step == 5
            axes.add_patch(
                FancyBboxPatch(
                    (612 + 12 * step, y - 19), 6, 38, boxstyle="round,pad=0,rounding_size=3",
                    fc="none" if hidden else colour, ec=colour, lw=0.9, ls=(0, (2, 1.5)) if hidden else "-",
                    alpha=1 if hidden else 0.45 + 0.06 * step,
                )
            )  # fmt: skip
    write(axes, 519, 492, "slice encoders", 16, weight="bold")
    write(axes, 666, 494, "one vector\nper slice", 11.5, color=QUIET)


def draw_transformer(axes: Axes) -> None:
    """Draw the transformer and the encoding."""
    panel(axes, (760, 118, 128, 328), edge="#8ea6ff", face="#1b2748")
    write(axes, 824, 492, "transformer", 16, weight="bold")
    write(axes, 824, 300, "attention\namong the slices\nof a plane", 12)
    write(axes, 824, 238, "1 layer, 4 heads", 11.5, color=QUIET)
    for plane, y in ROWS.items():
        arrow(axes, (728, y), (754, y), COLOURS[plane])
        arrow(axes, (894, y), (938, MIDDLE + (plane.axis - 1) * -44), COLOURS[plane])
        axes.add_patch(
            FancyBboxPatch(
                (948, MIDDLE - 20 + (plane.axis - 1) * -44), 20, 40, boxstyle="round,pad=0,rounding_size=4",
                fc=COLOURS[plane], ec="none",
            )
        )  # fmt: skip
    write(axes, 958, 492, "encoding", 16, weight="bold")
    write(axes, 958, MIDDLE - 91, "means over\nslices, 3 × 64", 11.5, color=QUIET)


def draw_tasks(axes: Axes) -> None:
    """Draw the three tasks."""
    write(axes, 1138, 492, "three tasks", 16, weight="bold")
    words = (
        ("classification", "diagnosis, sex"),
        ("regression", "age in years"),
        ("segmentation", "tumour, per voxel"),
    )
    for y, (name, example) in zip(ROWS.values(), words, strict=True):
        arrow(axes, (980, MIDDLE + (y - MIDDLE) * 0.25), (1022, y))
        panel(axes, (1030, y - 40, 216, 80))
        write(axes, 1118, y + 11, name, 13.5, ha="left", weight="bold")
        write(axes, 1118, y - 12, example, 11.5, ha="left", color=QUIET)
    for step, height in enumerate((16, 44, 26)):
        tone = WHITE if step == 1 else "#5a6c8f"
        axes.add_patch(Rectangle((1053 + 16 * step, 404 - 22), 11, height, fc=tone, ec="none"))
    axes.plot([1050, 1104], [282, 282], color="#5a6c8f", lw=2.2, solid_capstyle="round")
    for x in (1050, 1063.5, 1077, 1090.5, 1104):
        axes.plot([x, x], [276, 288], color="#5a6c8f", lw=1.2)
    axes.add_patch(Circle((1084, 282), 7, fc=WHITE, ec=PANEL, lw=1.5, zorder=4))
    place(axes, picture(Plane.AXIAL, 0.55), (1053, 160 - 31), 62, edge="none")
    for radius, colour in ((8.5, "#4f8dff"), (6, "#ff8a72"), (3.2, "#ffd166")):
        axes.add_patch(Circle((1086, 170), radius, fc=colour, ec="none", alpha=0.92, zorder=4))


def draw_foot(axes: Axes) -> None:
    """Say how the parts are taught, and how large they are."""
    low, high = sorted(methods()[0].parameters.values())[:: len(methods()[0].parameters) - 1]
    spans = (
        (254, 734, "taught first, without labels: recognise a scan behind a changed contrast"),
        (760, 888, "then: predict the\nhidden slices' vectors"),
        (1030, 1246, "at last, with labels: the whole\nnetwork and a linear head"),
    )
    for left, right, text in spans:
        axes.plot([left, left, right, right], [84, 76, 76, 84], color=EDGE, lw=1.2)
        write(axes, (left + right) / 2, 52, text, 11.5, color=QUIET)
    write(axes, 116, 62, f"{low / 1e6:.1f} M", 26, weight="bold")
    write(axes, 116, 36, "parameters in all", 11.5, color=QUIET)
    assert f"{low / 1e6:.1f}" == f"{high / 1e6:.1f}"


def main() -> None:
    """Draw everything and write the file."""
    mpl.rcParams |= {"font.family": ["DejaVu Sans"], "svg.fonttype": "path", "svg.hashsalt": "overview"}
    figure = Figure(figsize=(WIDTH / 100, HEIGHT / 100), dpi=100)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    style = "round,pad=0,rounding_size=18"
    axes.add_patch(FancyBboxPatch((3, 3), WIDTH - 6, HEIGHT - 6, boxstyle=style, fc=NIGHT, ec=EDGE, lw=1))
    for draw in (draw_scan, draw_planes, draw_encoders, draw_transformer, draw_tasks, draw_foot):
        draw(axes)
    axes.set(xlim=(0, WIDTH), ylim=(0, HEIGHT))
    figure.savefig(Path(__file__).with_suffix(".svg"), transparent=True, metadata={"Date": None})


if __name__ == "__main__":
    main()
