"""From finished trials to one page and one folder."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path

from medical_transformer.cohorts import Cohort
from medical_transformer.cohorts.tables import write_text
from medical_transformer.evaluation import Trials
from medical_transformer.reporting import words
from medical_transformer.reporting.comparison.cohort_table import table_2
from medical_transformer.reporting.comparison.further_tables import all_scores, corrected_ages, differences
from medical_transformer.reporting.comparison.grid import Grid
from medical_transformer.reporting.comparison.grid_files import write_grid
from medical_transformer.reporting.comparison.numbers import write_numbers
from medical_transformer.reporting.comparison.page import Contents, Plot, render_comparison
from medical_transformer.reporting.comparison.paper_tables import table_1, table_3, table_4, table_5
from medical_transformer.reporting.comparison.picture_files import write_overlay, write_plot
from medical_transformer.reporting.comparison.plots import by_share, forest
from medical_transformer.reporting.comparison.summary import ComparisonSummary, Place, summarise
from medical_transformer.reporting.comparison.wording import task_name
from medical_transformer.reporting.slices_picture import OverlayPicture


def write_comparison(
    trials: Trials,
    folder: Path,
    *,
    cohorts: Sequence[Cohort] = (),
    overlays: Sequence[OverlayPicture] = (),
    planned: Iterable[Place] = (),
    same_data: Collection[str] = (),
    scratch: str = "scratch",
    resamples: int = 2000,
) -> Path:
    """Write the page, tables and figures of a comparison; a grid that is half done gives half-filled tables.

    Args:
        trials: what is done; at least one trial.
        folder: gets `comparison.html`, and per table a TSV, a JSON and a LaTeX file, per figure a PNG and an SVG.
        cohorts: whose subjects Table 2 describes, one table each.
        overlays: pictures of Figure 4, from `methods_picture`.
        planned: method, task, share and seed of every trial of the grid, done or not, for "2 of 3 seeds"; guessed
            from the trials if not given.
        same_data: tasks whose data set is the paper's own; in all others the paper's figures are marked as not
            comparable. Table 2 is compared with the paper's where the task `diagnosis` is among them.
        scratch: the method that Table 4 calls supervised learning.
        resamples: of each bootstrap interval.

    Returns:
        The page.

    Raises:
        ValueError: if there is no trial, or two trials of a task do not agree on the truth of a scan.
    """
    if not trials.trials:
        raise ValueError(f"{trials.title!r} has no finished trial to make tables of.")
    summary = summarise(trials, planned=planned, same_data=same_data, resamples=resamples)
    contents = _contents(summary, cohorts, overlays, scratch)
    write_numbers(summary, folder)
    for grid in (*contents.papers, *contents.further):
        write_grid(grid, folder)
    for plot in (*contents.forests, *contents.shares):
        write_plot(plot.figure, folder / plot.name)
    for number, overlay in enumerate(overlays, start=1):
        write_overlay(overlay, folder / f"figure-4-{number}.png")
    page = folder / "comparison.html"
    write_text(page, render_comparison(summary, contents))
    return page


def _contents(
    summary: ComparisonSummary,
    cohorts: Sequence[Cohort],
    overlays: Sequence[OverlayPicture],
    scratch: str,
) -> Contents:
    about = [
        table_2(cohort, number=number, same_data="diagnosis" in summary.same_data)
        for number, cohort in enumerate(cohorts, start=1)
    ]
    papers: list[Grid | None] = [table_1(summary), *about, table_3(summary), table_4(summary, scratch)]
    papers.append(table_5(summary))
    tasks = summary.trials.tasks
    further = [table(summary, task) for task in tasks for table in (differences, corrected_ages, all_scores)]
    return Contents(
        papers=[grid for grid in papers if grid is not None and grid.rows],
        further=[grid for grid in further if grid is not None],
        forests=list(_forests(summary)),
        shares=list(_shares(summary)),
        overlays=overlays,
        absent=list(_absent(papers, cohorts, overlays)),
    )


def _forests(summary: ComparisonSummary) -> Iterator[Plot]:
    titles = {method.name: method.title for method in summary.trials.methods}
    for task in summary.trials.tasks:
        figure = forest(summary, task)
        if figure is not None:
            caption = (
                f"Method minus {titles[summary.trials.reference]}, pooled over folds and averaged over seeds, with the "
                "paired 95 % interval over subjects. Hollow: the interval holds 0."
            )
            yield Plot(f"forest-{task}", task_name(task), caption, figure)


def _shares(summary: ComparisonSummary) -> Iterator[Plot]:
    for task in summary.trials.tasks:
        figure = by_share(summary, task)
        if figure is not None:
            metrics = ", ".join(words.words_of(metric).short for metric in summary.headline(task))
            caption = f"Pooled {metrics} over the share of the training labels, with 95 % intervals over subjects."
            yield Plot(f"shares-{task}", task_name(task), caption, figure)


def _absent(
    papers: Sequence[Grid | None], cohorts: Sequence[Cohort], overlays: Sequence[OverlayPicture]
) -> Iterator[str]:
    if not cohorts:
        yield "Table 2 (the cohort): no cohort was given."
    *_, third, fourth, fifth = papers
    if third is None or not third.rows:
        yield "Table 3 (weights): no method says how many weights it trains."
    if fourth is None:
        yield "Table 4 (shares of the labels): every trial had the whole of the labels."
    if fifth is None:
        yield "Table 5 (with and without transformer): the method without transformer is not among these."
    if not overlays:
        yield "Figure 4 (slices): no pictures were given."
