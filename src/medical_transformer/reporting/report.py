"""The report: one HTML page that needs no other file, for a person who must decide what to believe."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from medical_transformer.cohorts.tables import write_text
from medical_transformer.evaluation import EvaluationResult, FoldResult, MetricSummary
from medical_transformer.reporting import pictures, words
from medical_transformer.reporting.card import ModelCard
from medical_transformer.reporting.remarks import limits, remarks, without_looking
from medical_transformer.reporting.slices_picture import OverlayPicture
from medical_transformer.reporting.worst import worst_predictions

TITLES = {"classification": "Predicting", "regression": "Predicting", "segmentation": "Segmenting"}


@dataclass(frozen=True, slots=True)
class ScoreRow:
    """One score as a row of text.

    Attributes:
        name: short name.
        meaning: in words.
        folds: mean and standard deviation over folds.
        pooled: of all subjects together.
        interval: of `pooled`.
        better: which way is better.
        primary: whether it was chosen beforehand.
    """

    name: str
    meaning: str
    folds: str
    pooled: str
    interval: str
    better: str
    primary: bool


def write_report(
    result: EvaluationResult,
    path: Path,
    *,
    overlays: Sequence[OverlayPicture] = (),
    model_card: ModelCard | None = None,
) -> None:
    """Write the page of a result; pictures and styles stand in it, nothing is loaded from elsewhere.

    Args:
        result: what to show.
        path: where the page goes, a name that ends in `.html`.
        overlays: slices with label maps, in the order in which to show them.
        model_card: facts about the model to repeat on the page.
    """
    write_text(path, render_report(result, overlays=overlays, model_card=model_card))


def render_report(
    result: EvaluationResult,
    *,
    overlays: Sequence[OverlayPicture] = (),
    model_card: ModelCard | None = None,
) -> str:
    """Return the page as text."""
    summary = result.summary()
    heading, worst = worst_predictions(result)
    page: str = page_template("report.html.j2").render(
        result=result,
        title=f"{TITLES[result.task]} {words.label_words(result)}",
        headline=headline(result, summary),
        baseline=without_looking(result),
        remarks=remarks(result),
        limits=limits(result),
        scores=[_score_row(one, result) for one in summary.values()],
        pictures=pictures.task_pictures(result),
        confusion=pictures.confusion(result),
        overlays=overlays,
        worst_heading=heading,
        worst=worst,
        training=pictures.training_picture(result),
        folds=[_fold_row(fold, result) for fold in result.folds],
        model_card=model_card,
    )
    return page


def page_template(name: str) -> Any:
    """Return a page's template; text put into it is escaped."""
    loader = PackageLoader("medical_transformer", "reporting/templates")
    environment = Environment(
        loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.get_template(name)


def headline(result: EvaluationResult, summary: dict[str, MetricSummary]) -> dict[str, str]:
    """Return the primary score in large letters and in a sentence."""
    primary = summary.get(result.primary_metric) or next(iter(summary.values()), None)
    if primary is None:
        return {
            "value": "–",
            "unit": "",
            "sentence": f"No score could be computed, {words.sample_words(result)}",
        }
    known = words.words_of(primary.name)
    value = primary.mean if primary.pooled is None else primary.pooled
    return {
        "value": words.number(value, known.digits),
        "unit": result.unit if known.has_unit else known.short,
        "sentence": words.score_sentence(result, primary),
    }


def _score_row(summary: MetricSummary, result: EvaluationResult) -> ScoreRow:
    known = words.words_of(summary.name)
    unit = f" ({result.unit})" if known.has_unit and result.unit else ""
    return ScoreRow(
        name=known.short + unit,
        meaning=known.long,
        folds=words.mean_and_spread(summary, known.digits),
        pooled="–" if summary.pooled is None else words.number(summary.pooled, known.digits),
        interval=words.interval_words(summary.interval, known.digits),
        better=known.better,
        primary=summary.name == result.primary_metric,
    )


def _fold_row(fold: FoldResult, result: EvaluationResult) -> dict[str, Any]:
    tested = result.of_fold(fold.fold)
    subjects = sorted({one.subject for one in tested})
    digits = words.words_of(result.primary_metric).digits
    return {
        "fold": fold.fold,
        "train": fold.sizes.get("train", "–"),
        "validation": fold.sizes.get("validation", "–"),
        "test": len(subjects),
        "scans": len(tested),
        "epochs": len(fold.history) or "–",
        "best": fold.best_epoch or "–",
        "seconds": sum(record.seconds for record in fold.history),
        "score": words.number(fold.metrics.get(result.primary_metric), digits),
        "subjects": subjects,
    }
