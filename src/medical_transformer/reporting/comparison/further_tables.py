"""What the paper's tables leave out: differences with their intervals and tests, every score, corrected ages."""

import math

from medical_transformer.cohorts.indexed import counted
from medical_transformer.evaluation import FAMILY, AgainstReference, age_bias
from medical_transformer.reporting import words
from medical_transformer.reporting.comparison.grid import Entry, Grid, Row
from medical_transformer.reporting.comparison.summary import ComparisonSummary
from medical_transformer.reporting.comparison.wording import column_name, mean_entry, p_words, percent, task_name

WHAT_CORRECTION_DOES = (
    "The line answer = slope × age + intercept is fitted to the answers on each model's validation subjects and undone "
    "in the answers of the same model to its test subjects: (answer − intercept) / slope. No tested age is looked at. "
    "This takes away the pull to the mean age, and adds no information: it widens the scatter, so the error may grow.",
    "The corrected brain age delta, delta − ((slope − 1) × age + intercept), takes the tested person's true age into "
    "its formula. It serves to compare people of different ages; an error or a correlation with age computed from it "
    "would be flattered by the age it was told, and is not an error of the model.",
)


def differences(summary: ComparisonSummary, task: str) -> Grid | None:
    """Return every method against the reference, with intervals and tests; None where there is nothing to compare."""
    found = [one for one in summary.against if one.task == task]
    if not found:
        return None
    titles = {method.name: method.title for method in summary.trials.methods}
    order = summary.headline(task)
    rows = [
        Row(titles[one.method], _difference(one), column_name(summary, task, one.comparison.metric))
        for one in sorted(found, key=lambda one: (order.index(one.comparison.metric), -one.fraction))
    ]
    return Grid(
        name=f"differences-{task}",
        title=f"{task_name(task)}: differences to {titles[summary.trials.reference]}",
        caption=(
            "Pooled scores averaged over the seeds that both have done; the difference is method minus reference, with "
            "its paired 95 % bootstrap interval over subjects (bold: it does not hold 0), and the corrected resampled "
            "t-test over folds and seeds (bold: below 0.05 after Holm's correction)."
        ),
        heading="Method",
        group_heading="Score",
        columns=(
            "Labels",
            "Method's score",
            "Reference's score",
            "Difference",
            "95 % CI",
            "t (df)",
            "p",
            "p (Holm)",
            "Seeds",
        ),
        rows=tuple(rows),
        notes=(
            "The t-test takes the variance as (1/J + test/train) s², since folds share training subjects (Nadeau and "
            f"Bengio 2003). Holm's correction is over {FAMILY}: {counted(found, 'comparison')}.",
        ),
    )


def all_scores(summary: ComparisonSummary, task: str) -> Grid:
    """Return every score of every method with the whole of the labels."""
    cells = [summary.cell(method.name, task) for method in summary.trials.methods]
    names = tuple(dict.fromkeys(name for cell in cells if cell for name in cell.scores))
    rows = [
        Row(method.title, tuple(_with_pooled(summary, method.name, task, name) for name in names))
        for method in summary.trials.methods
    ]
    return Grid(
        name=f"scores-{task}",
        title=f"{task_name(task)}: every score",
        caption="Mean ± standard deviation over folds and seeds; below it the pooled score with its 95 % interval.",
        heading="Method",
        columns=tuple(column_name(summary, task, name) for name in names),
        rows=tuple(rows),
        beside="pooled (95 % CI)",
    )


def corrected_ages(summary: ComparisonSummary, task: str) -> Grid | None:
    """Return errors with and without correction of the pull to the mean; None for other tasks."""
    result = summary.result(task)
    if result.task != "regression":
        return None
    unit = f" ({result.unit})" if result.unit else ""
    rows = tuple(Row(method.title, _ages(summary, method.name, task)) for method in summary.trials.methods)
    if not any(row.entries[0].text != "–" for row in rows):
        return None
    return Grid(
        name=f"bias-{task}",
        title=f"{task_name(task)}: pull to the mean, and its correction",
        caption="Means over seeds of pooled test answers. A slope of 1 is no pull to the mean.",
        heading="Method",
        columns=(
            f"Error{unit}",
            f"Corrected error{unit}",
            "Slope",
            "r of delta and truth",
            "Corrected r",
            f"SD of delta{unit}",
            f"Corrected SD{unit}",
        ),
        rows=rows,
        notes=WHAT_CORRECTION_DOES,
    )


def _difference(one: AgainstReference) -> tuple[Entry, ...]:
    found, digits = one.comparison, words.words_of(one.comparison.metric).digits
    interval, test = found.interval, one.test
    told_apart = interval is not None and not interval.low <= 0 <= interval.high
    return (
        Entry(percent(one.fraction)),
        Entry(words.number(found.one, digits)),
        Entry(words.number(found.other, digits)),
        Entry(words.number(found.difference, digits), best=told_apart),
        Entry(words.interval_words(interval, digits)),
        Entry(f"{words.number(test.statistic, 2)} ({test.degrees})" if test else "–"),
        Entry(p_words(test.p_value if test else math.nan)),
        Entry(p_words(one.adjusted_p), best=one.adjusted_p <= 0.05),
        Entry(str(len(one.seeds))),
    )


def _with_pooled(summary: ComparisonSummary, method: str, task: str, metric: str) -> Entry:
    entry, cell = mean_entry(summary, method, task, metric), summary.cell(method, task)
    if cell is None or metric not in cell.scores or cell.scores[metric].pooled is None:
        return Entry(entry.text)
    score, digits = cell.scores[metric], words.words_of(metric).digits
    interval = f" ({words.interval_words(score.interval, digits)})" if score.interval else ""
    return Entry(entry.text, beside=f"{words.number(score.pooled, digits)}{interval}")


def _ages(summary: ComparisonSummary, method: str, task: str) -> tuple[Entry, ...]:
    results = [one.result for one in summary.trials.of(method, task)]
    found = age_bias(results)
    if found is None:
        kept = any(fold.validation for result in results for fold in result.folds)
        remark = "no line can be fitted or undone" if kept else "no validation answers were kept" if results else ""
        return (Entry(remark=remark), *(Entry() for _ in range(6)))
    errors, slopes = (found.error, found.corrected_error), (found.slope,)
    correlations = (found.delta_age_correlation, found.corrected_correlation)
    spreads = (found.delta_spread, found.corrected_spread)
    return tuple(Entry(words.number(value, 2)) for value in (*errors, *slopes, *correlations, *spreads))
