"""The one look of all figures, and how a figure becomes part of a page.

Colours are written into a figure as fixed values and become CSS variables in the page, so that the same
figure is readable on a light screen, on a dark one and on paper. The series colours are Paul Tol's
"vibrant" scheme, which people with any colour vision can tell apart and whose red, green and blue still
deserve their names.
"""

import io
import math
import re
from typing import Any

import matplotlib
from markupsafe import Markup, escape
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.text import Text

INK, MUTED, LINE, PAPER = "#1b1f24", "#59626c", "#d4d9de", "#fefefd"
BLUE, RED, GREEN, PINK, ORANGE, CYAN = "#0077bb", "#cc3311", "#009988", "#ee3377", "#ee7733", "#33bbee"
SERIES = (BLUE, RED, GREEN, PINK, ORANGE, CYAN)

VARIABLES = {
    **{INK: "--ink", MUTED: "--muted", LINE: "--line", PAPER: "--paper"},
    **{colour: f"--series-{number}" for number, colour in enumerate(SERIES, start=1)},
}
SETTINGS = {"svg.fonttype": "none", "font.family": "DejaVu Sans"}
FONT = re.compile(r"'?DejaVu Sans'?[^;\"]*")
BEFORE_SVG = re.compile(r"^.*?(?=<svg)", re.DOTALL)
METADATA = re.compile(r"<metadata>.*?</metadata>", re.DOTALL)
IDENTIFIER = re.compile(r' id="([^"]+)"')
REFERENCE = re.compile(r"#([A-Za-z][\w.-]*)")


def new_figure(
    width_in: float, height_in: float, panels: int = 1, *, in_a_row: int = 5, shared_y: bool = False
) -> tuple[Figure, list[Any]]:
    """Return an empty figure with styled panels, at most `in_a_row` side by side, each row of `height_in`."""
    columns, rows = min(panels, in_a_row), math.ceil(panels / in_a_row)
    figure = Figure(figsize=(width_in, height_in * rows), layout="constrained")
    figure.patch.set_alpha(0.0)
    axes = figure.subplots(rows, columns, squeeze=False, sharey=shared_y).ravel()
    for one in axes[:panels]:
        style(one)
    for one in axes[panels:]:
        one.remove()
    return figure, list(axes[:panels])


def style(axes: Any) -> None:
    """Give axes the look of the house: no box, a quiet grid, small text."""
    axes.patch.set_alpha(0.0)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("bottom", "left"):
        axes.spines[side].set_color(LINE)
    axes.tick_params(colors=MUTED, labelsize=8, length=0, pad=5)
    axes.grid(color=LINE, linewidth=0.6)
    axes.set_axisbelow(True)


def name_axes(axes: Any, x: str = "", y: str = "", title: str = "") -> None:
    """Write what the axes show; the title stands left, in ink."""
    axes.set_xlabel(x, color=MUTED, fontsize=8.5)
    axes.set_ylabel(y, color=MUTED, fontsize=8.5)
    axes.set_title(title, color=INK, fontsize=9.5, loc="left", fontweight="bold")


def add_legend(owner: Any, **options: Any) -> None:
    """Add a legend without a frame, in ink, to axes or to a whole figure."""
    owner.legend(frameon=False, fontsize=8, labelcolor=INK, **options)


def write_literally(figure: Figure) -> None:
    """Keep dollar signs in names from being read as formulae."""
    for text in figure.findobj(Text):
        text.set_parse_math(False)


def inline_svg(figure: Figure, name: str, description: str) -> Markup:
    """Return a figure as an SVG element that stands in a page and follows its colours.

    Args:
        figure: what was drawn.
        name: unique on the page; keeps the identifiers of two figures apart.
        description: what a person who cannot see the figure should know.
    """
    write_literally(figure)
    buffer = io.StringIO()
    with matplotlib.rc_context({**SETTINGS, "svg.hashsalt": name}):
        FigureCanvasSVG(figure).print_svg(buffer, metadata={"Date": None})
    text = METADATA.sub("", BEFORE_SVG.sub("", buffer.getvalue()))
    text = FONT.sub("var(--font)", _with_own_identifiers(text, name))
    for colour, variable in VARIABLES.items():
        text = text.replace(colour, f"var({variable})")
    opening = f'<svg role="img" class="figure" aria-label="{escape(description)}"'
    return Markup(text.replace("<svg", opening, 1))


def _with_own_identifiers(text: str, name: str) -> str:
    """Drop identifiers that nothing points at and prefix the others with the figure's name."""
    wanted = set(REFERENCE.findall(text)) & set(IDENTIFIER.findall(text))
    text = IDENTIFIER.sub(lambda found: f' id="{name}-{found.group(1)}"' if found.group(1) in wanted else "", text)
    return REFERENCE.sub(
        lambda found: f"#{name}-{found.group(1)}" if found.group(1) in wanted else found.group(0), text
    )
