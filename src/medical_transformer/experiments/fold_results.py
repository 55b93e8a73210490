"""From the answers of one fold's model to a result, and from the folds' results to that of all."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from medical_transformer.cohorts.folds import Fold
from medical_transformer.evaluation import EvaluationResult, FoldResult, SubjectPrediction, score
from medical_transformer.tasks import AnyTask, Classification, Regression, Segmentation
from medical_transformer.training import EpochRecord, Fitted


@dataclass(frozen=True, slots=True, kw_only=True)
class Tested:
    """What one fold's model answered, and how it came to be.

    Attributes:
        number: of the fold, counted from 1.
        fold: who trained, validated and was tested.
        predictions: answers to the test part.
        validation: answers to the validation part; empty for a segmentation.
        parameters: trainable weights.
        history: one record per epoch; empty for what is fitted at once.
        best_epoch: whose weights were tested.
    """

    number: int
    fold: Fold
    predictions: Sequence[SubjectPrediction]
    validation: Sequence[SubjectPrediction] = ()
    parameters: int = 0
    history: tuple[EpochRecord, ...] = ()
    best_epoch: int = 0

    def trained(self, fitted: Fitted) -> "Tested":
        """Return the same with how the training went."""
        return replace(self, history=tuple(fitted.journal.records), best_epoch=fitted.best.epoch)


def fold_result(task: AnyTask, tested: Tested, about: Mapping[str, str]) -> EvaluationResult:
    """Score one fold's answers."""
    parts = {"train": tested.fold.train, "validation": tested.fold.validation, "test": tested.fold.test}
    scores = FoldResult(
        fold=tested.number,
        metrics=score(task.kind, tested.predictions, classes_of(task)),
        history=tested.history,
        best_epoch=tested.best_epoch,
        sizes={name: len(subjects) for name, subjects in parts.items()},
        validation=tuple(tested.validation),
    )
    return EvaluationResult(
        task=task.kind,
        label=task.label,
        unit=task.unit if isinstance(task, Regression) else "",
        classes=classes_of(task),
        primary_metric=primary_metric(task),
        predictions=tuple(tested.predictions),
        folds=(scores,),
        parameters=tested.parameters,
        about=about,
    )


def join_folds(results: Sequence[EvaluationResult], about: Mapping[str, str]) -> EvaluationResult:
    """Return one result that holds the answers of all folds."""
    return replace(
        results[0],
        predictions=tuple(one for part in results for one in part.predictions),
        folds=tuple(one for part in results for one in part.folds),
        about=about,
    )


def finished_fold(folder: Path, identity: str, out: Path) -> EvaluationResult | None:
    """Return the result of a fold that was tested before, in the same way and with all it wrote.

    Args:
        folder: where the fold keeps its result.
        identity: names all that decides it.
        out: the folder that paths of predicted label maps are relative to.
    """
    if not (folder / "result.json").is_file():
        return None
    done = EvaluationResult.load(folder)
    maps = [out / str(one.prediction) for one in done.predictions if done.task == "segmentation"]
    return done if done.about.get("identity") == identity and all(path.is_file() for path in maps) else None


def classes_of(task: AnyTask) -> tuple[str, ...]:
    """Return the names of a task's classes or regions; none for a number."""
    if isinstance(task, Classification):
        return task.classes
    return tuple(task.regions) if isinstance(task, Segmentation) else ()


def primary_metric(task: AnyTask) -> str:
    """Return the score that a task is judged by, as the paper judges it (Table 1)."""
    if isinstance(task, Classification):
        return "auc" if len(task.classes) == 2 else "mauc"
    return "mae" if isinstance(task, Regression) else f"dice_{next(iter(task.regions))}"
