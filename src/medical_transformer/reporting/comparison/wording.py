"""How the entries of comparison tables are written."""

import math
from collections import Counter

from medical_transformer.evaluation import often
from medical_transformer.reporting import words
from medical_transformer.reporting.comparison.grid import Entry
from medical_transformer.reporting.comparison.summary import ComparisonSummary

OTHER_DATA = "† The paper's own figure, on other data: not comparable with the figures measured here."


def task_name(task: str) -> str:
    """Return `Brain age` for `brain-age`."""
    text = task.replace("-", " ").replace("_", " ")
    return text[:1].upper() + text[1:]


def column_name(summary: ComparisonSummary, task: str, metric: str) -> str:
    """Return `MAE (years)`."""
    known, unit = words.words_of(metric), summary.result(task).unit
    return f"{known.short} ({unit})" if known.has_unit and unit else known.short


def percent(share: float) -> str:
    """Return `10 %`."""
    return f"{100 * share:g} %"


def mean_entry(summary: ComparisonSummary, method: str, task: str, metric: str, share: float = 1.0) -> Entry:
    """Return mean and spread over folds and seeds, with a remark on what is missing, undefined or constant."""
    cell = summary.cell(method, task, share)
    done, planned = summary.missing(method, task, share)
    remark = f"{done} of {planned} seeds" if done < planned else ""
    if cell is None or metric not in cell.scores:
        return Entry(remark=remark)
    score, digits = cell.scores[metric], words.words_of(metric).digits
    text = words.number(score.mean, digits)
    if score.standard_deviation is not None:
        text += f" ± {words.number(score.standard_deviation, digits)}"
    undefined = f"undefined in {score.undefined} of {cell.models} models" if score.undefined else ""
    constant = f"{cell.constant} of {cell.models} models answer the same to every scan" if cell.constant else ""
    return Entry(text, remark="; ".join(one for one in (remark, undefined, constant) if one))


def is_better(metric: str, one: float, other: float) -> bool:
    """Tell whether a score is at least as good as another; never where one is undefined or no way is better."""
    if not (math.isfinite(one) and math.isfinite(other)):
        return False
    return {"higher": one >= other, "lower": one <= other}.get(words.words_of(metric).better, False)


def p_words(p_value: float) -> str:
    """Return `0.012`, `< 0.001`, or a dash where there is no test."""
    if not math.isfinite(p_value):
        return "–"
    return "< 0.001" if p_value < 0.001 else f"{p_value:.3f}"


def search_notes(summary: ComparisonSummary, *, shares: bool = False) -> tuple[str, ...]:
    """Say what was searched, and what the validation part of each fold chose for each method.

    Args:
        summary: the comparison.
        shares: whether trials with a share of the labels count too.
    """
    chosen = {
        method.title: Counter(
            one
            for trial in summary.trials.trials
            if trial.method == method.name and (shares or trial.fraction == 1)
            for one in trial.chosen
        )
        for method in summary.trials.methods
    }
    counted = "; ".join(f"{title}: {often(counts)}" for title, counts in chosen.items() if counts)
    searched = summary.trials.about.get("searched", "").rstrip(".")
    if not counted:
        return ()
    return (*([f"Searched: {searched}."] if searched else []), f"Chosen on the validation parts: {counted}.")


def missing_words(summary: ComparisonSummary) -> str:
    """Return how much of the grid is done, where it is not all; empty where it is."""
    done = sum(len(cell.seeds) for cell in summary.cells.values())
    planned = sum(summary.missing(*place)[1] for place in {*summary.planned, *summary.cells})
    return f"{done} of {planned} trials are done: – stands where none is." if done < planned else ""
