"""The numbers of a comparison as files that other programs read: long tables, a row per number."""

import json
import math
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

from medical_transformer.cohorts.tables import write_json, write_table
from medical_transformer.evaluation import FAMILY, AgainstReference
from medical_transformer.reporting.comparison.protocol import statements
from medical_transformer.reporting.comparison.summary import ComparisonSummary

SCORES = (
    "method",
    "task",
    "share",
    "metric",
    "seeds",
    "folds",
    "models",
    "subjects",
    "scans",
    "mean",
    "sd",
    "undefined",
    "pooled",
    "sd_over_seeds",
    "ci_low",
    "ci_high",
    "ci_level",
    "constant_models",
)
DIFFERENCES = (
    "method",
    "reference",
    "task",
    "share",
    "metric",
    "seeds",
    "subjects",
    "scans",
    "score",
    "reference_score",
    "difference",
    "ci_low",
    "ci_high",
    "resampled_t_mean",
    "resampled_t",
    "degrees",
    "test_train_ratio",
    "p",
    "p_holm",
)
FOLD_SCORES = ("method", "task", "share", "seed", "fold", "metric", "score")


def write_numbers(summary: ComparisonSummary, folder: Path) -> None:
    """Write `scores.tsv`, `differences.tsv`, `fold-scores.tsv`, `folds.tsv`, `protocol.tsv` and `comparison.json`."""
    scores, differences = list(_scores(summary)), [_difference(one, summary) for one in summary.against]
    write_table(folder / "scores.tsv", SCORES, scores)
    write_table(folder / "differences.tsv", DIFFERENCES, differences)
    write_table(folder / "fold-scores.tsv", FOLD_SCORES, _fold_scores(summary))
    write_table(folder / "folds.tsv", ("task", "subject", "fold"), _folds(summary))
    protocol = [(one.item, one.text) for one in statements(summary)]
    write_table(folder / "protocol.tsv", ("item", "said"), protocol)
    about = {
        "title": summary.trials.title,
        "reference": summary.trials.reference,
        "methods": [plain(method) for method in summary.trials.methods],
        "about": dict(summary.trials.about),
        "p_holm_is_adjusted_over": FAMILY,
        "protocol": dict(protocol),
        "scores": [dict(zip(SCORES, row, strict=True)) for row in scores],
        "differences": [dict(zip(DIFFERENCES, row, strict=True)) for row in differences],
    }
    write_json(folder / "comparison.json", plain(about))


def plain(value: Any) -> Any:
    """Return dataclasses and tuples as JSON has them, with null for an empty text or what is not a number."""
    if is_dataclass(value):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, dict):
        return {key: plain(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(one) for one in value]
    if value == "" or (isinstance(value, float) and not math.isfinite(value)):
        return None
    json.dumps(value)  # refuses what JSON does not have, before anything is written
    return value


def _scores(summary: ComparisonSummary) -> Iterator[list[Any]]:
    for (method, task, fraction), cell in summary.cells.items():
        for name, score in cell.scores.items():
            place = [method, task, fraction, name, len(cell.seeds), max(cell.folds), cell.models]
            numbers = [score.mean, score.standard_deviation, score.undefined, score.pooled, score.seed_spread]
            yield [*place, cell.subjects, cell.scans, *map(_blank, numbers), *_ends(score.interval), cell.constant]


def _difference(one: AgainstReference, summary: ComparisonSummary) -> list[Any]:
    found, test = one.comparison, one.test
    place = [one.method, summary.trials.reference, one.task, one.fraction, found.metric, len(one.seeds)]
    tested = [test.mean, test.statistic, test.degrees, test.ratio, test.p_value] if test else [""] * 5
    numbers = [found.subjects, found.scans, found.one, found.other, found.difference, *_ends(found.interval)[:2]]
    return [*place, *map(_blank, [*numbers, *tested, one.adjusted_p])]


def _fold_scores(summary: ComparisonSummary) -> Iterator[list[Any]]:
    for trial in summary.trials.trials:
        for fold in trial.result.folds:
            for name, value in fold.metrics.items():
                yield [trial.method, trial.task, trial.fraction, trial.seed, fold.fold, name, _blank(value)]


def _folds(summary: ComparisonSummary) -> Iterator[list[Any]]:
    for task in summary.trials.tasks:
        tested = {
            one.subject: one.fold
            for trial in summary.trials.trials
            if trial.task == task
            for one in trial.result.predictions
        }
        yield from ([task, subject, fold] for subject, fold in sorted(tested.items(), key=lambda pair: pair[::-1]))


def _ends(interval: Any) -> list[Any]:
    return [interval.low, interval.high, interval.level] if interval else ["", "", ""]


def _blank(value: Any) -> Any:
    """Return a number, or nothing where there is none."""
    return "" if value is None or (isinstance(value, float) and not math.isfinite(value)) else value
