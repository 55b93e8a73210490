"""What a reader must know before believing a comparison: what is missing, odd or not told apart."""

import math
from collections.abc import Iterator, Sequence

from medical_transformer.evaluation import Cell, CellScore, Comparison
from medical_transformer.reporting import words
from medical_transformer.reporting.comparison.protocol import members
from medical_transformer.reporting.comparison.summary import ComparisonSummary
from medical_transformer.reporting.comparison.wording import missing_words, percent, task_name

SMALL_TEST = 10


def findings(summary: ComparisonSummary) -> list[str]:
    """Return a sentence per task: the best method, the reference, and what the subjects tell apart."""
    return [sentence for task in summary.trials.tasks for sentence in _finding(summary, task)]


def notices(summary: ComparisonSummary) -> list[str]:
    """Return what is odd or incomplete, most serious first; empty where nothing is."""
    return [*_crossed(summary), *_incomplete(summary), *_constant(summary), *_worthless(summary), *_small(summary)]


LIMITS = (
    "Intervals say how scores vary with the subjects that happen to be tested. They do not hold the variation with "
    "the training set; the standard deviation over folds and seeds shows some of it, and is no standard error.",
    "Seeds are averaged and not drawn again: three or five of them do not tell how random starts vary.",
    "The corrected t-test is a heuristic: no unbiased estimate of the variance of cross-validation exists (Bengio and "
    "Grandvalet 2004). It errs on the side of caution here.",
    "Holm's correction holds within one task. Somebody who looks at all tasks for one significant result looks longer "
    "than it allows for.",
    "An interval that holds 0 does not show that two methods are equal.",
)


def _finding(summary: ComparisonSummary, task: str) -> Iterator[str]:
    metric, reference = summary.headline(task)[0], summary.trials.reference
    titles = {method.name: method.title for method in summary.trials.methods}
    known = words.words_of(metric)
    scores = {
        method: cell.scores[metric]
        for (method, name, share), cell in summary.cells.items()
        if name == task and share == 1 and metric in cell.scores and math.isfinite(_value(cell.scores[metric]))
    }
    if not scores or not known.better:
        return
    best = (max if known.better == "higher" else min)(scores, key=lambda name: _value(scores[name]))
    unit = summary.result(task).unit
    shown = f"{words.number(_value(scores[best]), known.digits)}{f' {unit}' if known.has_unit and unit else ''}"
    if scores[best].interval is not None:
        shown += f" (95 % CI {words.interval_words(scores[best].interval, known.digits)})"
    text = f"{task_name(task)}: {titles[best]} has the best {known.short}, {shown}"
    found = None if best == reference else summary.difference(best, task, metric)
    if found is not None:
        text += f"; its difference to {titles[reference]} is {_difference_words(found.comparison, known.digits)}"
    apart, of = _told_apart(summary, task, metric)
    if of:
        text += f". The interval of the difference to {titles[reference]} leaves out 0 for {apart} of {of} methods"
    yield f"{text}."


def _value(score: CellScore) -> float:
    """Return the score of all tested scans together: a mean over folds of a few subjects each flatters an area."""
    return score.mean if score.pooled is None else score.pooled


def _difference_words(comparison: Comparison, digits: int) -> str:
    difference, interval = comparison.difference, comparison.interval
    return f"{words.number(difference, digits)} (95 % CI {words.interval_words(interval, digits)})"


def _told_apart(summary: ComparisonSummary, task: str, metric: str) -> tuple[int, int]:
    intervals = [
        one.comparison.interval
        for one in summary.against
        if (one.task, one.fraction, one.comparison.metric) == (task, 1.0, metric)
    ]
    return sum(one is not None and not one.low <= 0 <= one.high for one in intervals), len(intervals)


def _crossed(summary: ComparisonSummary) -> Iterator[str]:
    for task in summary.trials.tasks:
        found = members(summary, task)
        if found.crossed:
            yield f"{found.task}: {found.verdict}"


def _incomplete(summary: ComparisonSummary) -> Iterator[str]:
    if missing_words(summary):
        yield missing_words(summary)
    for (method, task, share), cell in summary.cells.items():
        if len(set(cell.folds)) > 1:
            yield f"{task_name(task)}: the seeds of {method} at {percent(share)} have not the same number of folds."
    for task in summary.trials.tasks:
        scans = {cell.scans for (_, name, _), cell in summary.cells.items() if name == task}
        if len(scans) > 1:
            yield f"{task_name(task)}: not every method was tested on the same scans ({min(scans)} to {max(scans)})."


def _constant(summary: ComparisonSummary) -> Iterator[str]:
    for place, cells in _by_method(summary):
        flat = [cell for cell in cells if cell.constant]
        if flat:
            count, models = sum(cell.constant for cell in flat), sum(cell.models for cell in flat)
            yield (
                f"{place} gives the same answer to every scan in {count} of {words.counted(models, 'model')} "
                f"({_shares(flat)}): these have learned nothing."
            )


def _worthless(summary: ComparisonSummary) -> Iterator[str]:
    """Name regressions that explain less than the mean would, where R² has an interval."""
    for place, cells in _by_method(summary):
        for cell in cells:
            score = cell.scores.get("r_squared")
            if score and score.interval and score.interval.high < 0 and not cell.constant:
                interval = words.interval_words(score.interval, 2)
                yield (
                    f"{place} explains less than always answering the mean ({_shares([cell])}: R² "
                    f"{words.number(score.pooled, 2)}, 95 % CI {interval})."
                )


def _by_method(summary: ComparisonSummary) -> Iterator[tuple[str, list[Cell]]]:
    """Return the cells of each method on each task, shares ascending, under their names."""
    for task in summary.trials.tasks:
        for method in summary.trials.methods:
            cells = [summary.cell(method.name, task, share) for share in summary.shares]
            yield f"{task_name(task)}: {method.title}", [cell for cell in cells if cell is not None]


def _shares(cells: Sequence[Cell]) -> str:
    return f"with {', '.join(percent(cell.fraction) for cell in cells)} of the labels"


def _small(summary: ComparisonSummary) -> Iterator[str]:
    for task in summary.trials.tasks:
        smallest = min(len(subjects) for _, subjects in members(summary, task).folds)
        if smallest < SMALL_TEST:
            yield (
                f"{task_name(task)}: a fold tests {words.counted(smallest, 'subject')} only, so scores per fold, and "
                "their mean and standard deviation, say little; look at pooled scores."
            )
