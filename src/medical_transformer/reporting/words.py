"""How scores are called and how numbers are written, the same on pages, cards and in the terminal."""

import math
from dataclasses import dataclass

from medical_transformer.evaluation import TOLERANCE_MM, EvaluationResult, Interval, MetricSummary


@dataclass(frozen=True, slots=True)
class MetricWords:
    """How one score is written.

    Attributes:
        short: for a table.
        long: in a sentence.
        digits: after the point.
        better: which way is better, empty where neither is.
        has_unit: whether it is in the unit of the label.
    """

    short: str
    long: str
    digits: int
    better: str
    has_unit: bool = False


KNOWN = {
    "dice": MetricWords("Dice", "mean Dice", 3, "higher"),
    "mae": MetricWords("MAE", "mean absolute error", 2, "lower", has_unit=True),
    "rmse": MetricWords("RMSE", "root mean squared error", 2, "lower", has_unit=True),
    "mean_error": MetricWords("Mean error", "mean of predicted minus true", 2, "near 0", has_unit=True),
    "r_squared": MetricWords("R²", "coefficient of determination", 3, "higher"),
    "pearson": MetricWords("Pearson r", "correlation of predicted and true", 3, "higher"),
    "mauc": MetricWords("mAUC", "multi-class area under the ROC curve", 3, "higher"),
    "auc": MetricWords("AUC", "area under the ROC curve", 3, "higher"),
    "accuracy": MetricWords("Accuracy", "share of scans with the right class", 3, "higher"),
    "balanced_accuracy": MetricWords("Balanced accuracy", "mean over classes of the right share", 3, "higher"),
    "calibration_error": MetricWords("Calibration error", "gap of confidence and accuracy", 3, "lower"),
}


def words_of(metric: str) -> MetricWords:
    """Return how a score is written; a score unknown to this page keeps its name."""
    if metric in KNOWN:
        return KNOWN[metric]
    if metric.startswith("dice_"):
        region = metric.removeprefix("dice_").replace("_", " ")
        return MetricWords(f"Dice {region}", f"mean Dice of {region}", 3, "higher")
    if metric.startswith("hausdorff95_mm_"):
        region = metric.removeprefix("hausdorff95_mm_").replace("_", " ")
        return MetricWords(f"HD95 {region} (mm)", f"95 % Hausdorff distance of {region}", 1, "lower")
    if metric.startswith("surface_dice_"):
        region = metric.removeprefix("surface_dice_").replace("_", " ")
        return MetricWords(
            f"Surface Dice {region}", f"mean surface Dice of {region}, within {TOLERANCE_MM:g} mm", 3, "higher"
        )
    return MetricWords(metric.replace("_", " "), metric.replace("_", " "), 3, "")


def number(value: float | None, digits: int) -> str:
    """Return a number with a true minus sign, or a word where there is none."""
    if value is None or not math.isfinite(value):
        return "undefined"
    text = f"{value:.{digits}f}"
    return text.removeprefix("-") if float(text) == 0 else text.replace("-", "−")


def interval_words(interval: Interval | None, digits: int) -> str:
    """Return `4.31 to 5.62`, or a dash where there is no interval."""
    if interval is None:
        return "–"
    return f"{number(interval.low, digits)} to {number(interval.high, digits)}"


def mean_and_spread(summary: MetricSummary, digits: int) -> str:
    """Return `4.92 ± 0.33` over folds; only the mean where there is one fold."""
    mean = number(summary.mean, digits)
    spread = summary.standard_deviation
    return mean if spread is None else f"{mean} ± {number(spread, digits)}"


def score_sentence(result: EvaluationResult, summary: MetricSummary) -> str:
    """Return the score in words: `4.92 years mean absolute error (95 % CI 4.31 to 5.62), on ...`."""
    known = words_of(summary.name)
    unit = f" {result.unit}" if known.has_unit and result.unit else ""
    value = number(summary.mean if summary.pooled is None else summary.pooled, known.digits)
    interval = ""
    if summary.interval is not None:
        level = f"{summary.interval.level * 100:g} % CI"
        interval = f" ({level} {interval_words(summary.interval, known.digits)})"
    return f"{value}{unit} {known.long}{interval}, {sample_words(result)}"


def sample_words(result: EvaluationResult) -> str:
    """Return `on 140 subjects (152 scans), 5 folds`."""
    subjects, scans, folds = len(result.subjects), len(result.predictions), len(result.folds)
    extra = f" ({scans} scans)" if scans != subjects else ""
    return f"on {counted(subjects, 'subject')}{extra}, {counted(folds, 'fold')}"


def counted(count: int, word: str) -> str:
    """Return `1 fold` or `5 folds`."""
    return f"{count} {word}" if count == 1 else f"{count} {word}s"


def label_words(result: EvaluationResult) -> str:
    """Return the label without its unit and underscores: `age` for `age_years`; the regions of a segmentation."""
    if result.task == "segmentation" and result.classes:
        return ", ".join(result.classes)
    suffix = f"_{result.unit}"
    label = result.label.removesuffix(suffix) if result.unit else result.label
    return label.replace("_", " ")
