"""From finished trials to one page and one folder."""

from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

from medical_transformer.cohorts import Cohort
from medical_transformer.evaluation import Trials
from medical_transformer.reporting.comparison.numbers import write_numbers
from medical_transformer.reporting.comparison.summary import Place, summarise
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
    without_transformer: str = "no-transformer",
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
            comparable.
        scratch: the method that Table 4 calls supervised learning.
        without_transformer: the method that Table 5 compares the reference with.
        resamples: of each bootstrap interval.

    Returns:
        The page.

    Raises:
        ValueError: if there is no trial, or two trials of a task do not agree on the truth of a scan.
    """
    if not trials.trials:
        raise ValueError(f"{trials.title!r} has no finished trial to make tables of.")
    summary = summarise(trials, planned=planned, resamples=resamples)
    write_numbers(summary, folder)
    return folder / "comparison.html"
