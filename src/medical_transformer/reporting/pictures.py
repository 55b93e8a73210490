"""Which figures a task's page shows, each with a caption and a description for those who cannot see it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from markupsafe import Markup
from matplotlib.figure import Figure

from medical_transformer.evaluation import EvaluationResult
from medical_transformer.reporting import figures
from medical_transformer.reporting.figures import inline_svg
from medical_transformer.reporting.remarks import known_classes, known_numbers
from medical_transformer.reporting.words import label_words


@dataclass(frozen=True, slots=True)
class Picture:
    """A figure on the page.

    Attributes:
        svg: the figure itself.
        caption: what to see in it.
        wide: whether it takes the whole width.
    """

    svg: Markup
    caption: str
    wide: bool = False


@dataclass(frozen=True, slots=True)
class Confusion:
    """How often each true class (rows) was given each answer (columns).

    Attributes:
        classes: names of rows and columns.
        rows: counts.
        shares: the same, as shares of each row.
    """

    classes: tuple[str, ...]
    rows: tuple[tuple[int, ...], ...]

    @property
    def shares(self) -> tuple[tuple[float, ...], ...]:
        """Counts as shares of each row; 0 where a class has no scan."""
        return tuple(tuple(count / max(sum(row), 1) for count in row) for row in self.rows)


def task_pictures(result: EvaluationResult) -> list[Picture]:
    """Return the figures of predictions that fit the task."""
    draw = {"regression": _of_numbers, "classification": _of_classes, "segmentation": _of_regions}
    return list(draw[result.task](result))


def training_picture(result: EvaluationResult) -> Picture | None:
    """Return the learning curves; None where no fold kept its history."""
    if not any(fold.history for fold in result.folds):
        return None
    return _picture(
        figures.learning_curves(result.folds),
        "learning-curves",
        "Loss over epochs, per fold: training (thin), validation (thick). The dashed line marks the epoch "
        "whose weights were tested; it was chosen on the validation part.",
        wide=True,
    )


def confusion(result: EvaluationResult) -> Confusion | None:
    """Count answers per true class; None for a task without classes."""
    known = known_classes(result)
    if result.task != "classification" or not known:
        return None
    pairs = [(one.truth, one.prediction) for one in known]
    rows = tuple(tuple(pairs.count((truth, answer)) for answer in result.classes) for truth in result.classes)
    return Confusion(result.classes, rows)


def _of_numbers(result: EvaluationResult) -> Iterator[Picture]:
    truth, predicted = known_numbers(result)
    if not len(truth):
        return
    unit = f" ({result.unit})" if result.unit else ""
    words = label_words(result) + unit
    yield _picture(
        figures.agreement(truth, predicted, words),
        "agreement",
        "Each point is one scan, predicted by the model that has not seen its subject. Where the fitted line "
        "is flatter than the dashed identity, answers are pulled to the mean.",
    )
    yield _picture(
        figures.errors_by_truth(truth, predicted, words, result.unit),
        "errors",
        "The error against the truth. Means above zero on the left and below it on the right show "
        "regression to the mean; bars are one standard deviation.",
    )


def _of_classes(result: EvaluationResult) -> Iterator[Picture]:
    known = known_classes(result)
    if not known or not all(one.probabilities for one in known):
        return
    yield _picture(
        figures.roc_curves(known, result.classes),
        "roc",
        "ROC curves, each class against the rest: one thin line per fold, their mean thick; AUC is mean ± SD "
        "over folds.",
        wide=True,
    )
    yield _picture(
        figures.calibration_curves(known, result.classes),
        "calibration",
        "Of the scans that were given some probability of a class, how many were of it? "
        "Below the dashed line the model is too sure.",
    )


def _of_regions(result: EvaluationResult) -> Iterator[Picture]:
    regions = _dice_by_region(result)
    if regions:
        yield _picture(
            figures.dice_distributions(regions),
            "dice",
            "One point per scan; the dark dot is the median, the bar holds the middle half of the scans.",
            wide=True,
        )


def _dice_by_region(result: EvaluationResult) -> dict[str, Sequence[float]]:
    names = dict.fromkeys(name for one in result.predictions for name in one.metrics if name.startswith("dice_"))
    return {
        name.removeprefix("dice_"): [one.metrics[name] for one in result.predictions if name in one.metrics]
        for name in names
    }


def _picture(figure: Figure, name: str, caption: str, *, wide: bool = False) -> Picture:
    return Picture(inline_svg(figure, name, caption), caption, wide)
