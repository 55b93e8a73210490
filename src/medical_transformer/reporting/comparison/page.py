"""The page of a comparison: every table, plot and picture, and the protocol, in one file."""

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.figure import Figure

from medical_transformer.reporting import words
from medical_transformer.reporting.comparison.grid import Grid
from medical_transformer.reporting.comparison.notices import LIMITS, findings, notices
from medical_transformer.reporting.comparison.protocol import members, statements
from medical_transformer.reporting.comparison.summary import ComparisonSummary
from medical_transformer.reporting.comparison.wording import task_name
from medical_transformer.reporting.figures import inline_svg
from medical_transformer.reporting.report import page_template
from medical_transformer.reporting.slices_picture import OverlayPicture


@dataclass(frozen=True, slots=True)
class Plot:
    """A plot on the page and on disk.

    Attributes:
        name: of its files.
        title: what stands above.
        caption: what to see in it.
        figure: the plot.
    """

    name: str
    title: str
    caption: str
    figure: Figure


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """What a page shows beside its sentences.

    Attributes:
        papers: the paper's tables, Table 2 among them.
        further: other tables.
        forests: differences to the reference.
        shares: scores over shares of the labels.
        overlays: pictures of Figure 4.
        absent: tables that cannot be filled, and why.
    """

    papers: Sequence[Grid]
    further: Sequence[Grid]
    forests: Sequence[Plot]
    shares: Sequence[Plot]
    overlays: Sequence[OverlayPicture]
    absent: Sequence[str]


def render_comparison(summary: ComparisonSummary, contents: Contents) -> str:
    """Return the page as text; nothing in it is loaded from elsewhere."""
    trials = summary.trials
    titles = {method.name: method.title for method in trials.methods}
    page: str = page_template("comparison.html.j2").render(
        title=trials.title,
        reference=titles[trials.reference],
        size=_size(summary),
        findings=findings(summary),
        notices=notices(summary),
        limits=LIMITS,
        contents=contents,
        svgs={plot.name: inline_svg(plot.figure, plot.name, plot.caption) for plot in _plots(contents)},
        statements=statements(summary),
        members=[members(summary, task) for task in trials.tasks],
    )
    return page


def _plots(contents: Contents) -> list[Plot]:
    return [*contents.forests, *contents.shares]


def _size(summary: ComparisonSummary) -> str:
    trials = summary.trials
    done = len(trials.trials)
    planned = sum(summary.missing(*place)[1] for place in {*summary.planned, *summary.cells})
    parts = (
        words.counted(len(trials.methods), "method"),
        words.counted(len(trials.tasks), "task"),
        words.counted(len(summary.shares), "share") + " of the labels",
        words.counted(len({one.seed for one in trials.trials}), "seed"),
        f"{done} of {planned} trials done" if done < planned else words.counted(done, "trial"),
    )
    return ", ".join(parts) + f": {', '.join(task_name(task) for task in trials.tasks)}"
