"""`medtrans evaluate`: cross-validation by subject, with a report (paper section 4.1.1)."""

from collections.abc import Sequence
from pathlib import Path

import torch

from medical_transformer.cohorts import Cohort
from medical_transformer.cohorts.folds import Fold, make_folds, save_folds
from medical_transformer.cohorts.tables import write_json
from medical_transformer.evaluation import EvaluationResult, FoldResult, SubjectPrediction, score
from medical_transformer.experiments.config import EvaluateConfig, FinetuneConfig
from medical_transformer.experiments.data import Data
from medical_transformer.experiments.finetune import facts_about, open_labelled, saved_model
from medical_transformer.experiments.overlays import draw_overlays
from medical_transformer.experiments.progress import EpochProgress
from medical_transformer.experiments.protocol import describe
from medical_transformer.experiments.testing import predict_scans
from medical_transformer.experiments.training_run import build_model, train_model
from medical_transformer.reporting import write_report
from medical_transformer.tasks import Classification, Regression, Segmentation, save_model
from medical_transformer.training import Fitted
from medical_transformer.training.fit import Split


def evaluate(prepared: Path, out: Path, config: EvaluateConfig) -> EvaluationResult:
    """Train and test once per fold, and write predictions, metrics and a report.

    Every subject is tested exactly once, by a model that never saw any of its scans. A fold that is done is not
    done again, and one that was interrupted is taken up at its last epoch.

    Args:
        prepared: what `prepare` wrote.
        out: gets `predictions.tsv`, `metrics.json`, `report.html`, `folds.tsv`, `config.json` and a folder per fold.
        config: everything that decides the result.

    Raises:
        CohortError: if no scan has the label, or there are fewer subjects than folds.
    """
    data, labelled = open_labelled(prepared, config.finetune)
    label = None if config.finetune.task.needs_maps else config.finetune.task.label
    folds = make_folds(labelled, config.folds, label=label, seed=config.fold_seed)
    write_json(out / "config.json", config.model_dump(mode="json"))
    save_folds(folds, out / "folds.tsv")
    tested = [_run_fold(data, labelled, config, (number, fold), out) for number, fold in enumerate(folds, start=1)]
    result = _join(config, labelled, [part for part, _ in tested], [fold for _, fold in tested])
    result.save(out)
    write_report(result, out / "report.html", overlays=draw_overlays(data, result, config.finetune.task, out))
    return result


def _run_fold(
    data: Data, labelled: Cohort, config: EvaluateConfig, numbered: tuple[int, Fold], out: Path
) -> tuple[list[SubjectPrediction], FoldResult]:
    """Train on one fold and test it."""
    number, fold = numbered
    folder, task = out / f"fold-{number}", config.finetune.task
    parts = {
        name: data.places(subjects, among=labelled)
        for name, subjects in (("train", fold.train), ("validation", fold.validation), ("test", fold.test))
    }
    split = Split(parts["train"], parts["validation"])
    with EpochProgress(f"fold {number} of {config.folds}, {task.label}", config.finetune.training.epochs) as progress:
        model, fitted = train_model(
            data, split, config.finetune, folder=folder, place=("fold", number), on_epoch=progress
        )
    learnt = labelled.where(lambda scan: scan.subject in fold.train | fold.validation)
    about = {**facts_about(config.finetune, learnt), "fold": number}
    save_model(saved_model(model, data, config.finetune, about), folder / "model")
    predictions = predict_scans(model, data, parts["test"], config.finetune, fold=number, out=out)
    return predictions, _fold_result(config.finetune, predictions, fitted, fold, number)


def _fold_result(
    config: FinetuneConfig, predictions: Sequence[SubjectPrediction], fitted: Fitted, fold: Fold, number: int
) -> FoldResult:
    sizes = {"train": len(fold.train), "validation": len(fold.validation), "test": len(fold.test)}
    return FoldResult(
        fold=number,
        metrics=score(config.task.kind, predictions, _classes(config)),
        history=tuple(fitted.journal.records),
        best_epoch=fitted.best.epoch,
        sizes=sizes,
    )


def _join(
    config: EvaluateConfig, labelled: Cohort, parts: Sequence[list[SubjectPrediction]], folds: Sequence[FoldResult]
) -> EvaluationResult:
    task = config.finetune.task
    with torch.random.fork_rng(devices=[]):
        parameters = sum(parameter.numel() for parameter in build_model(config.finetune).parameters())
    return EvaluationResult(
        task=task.kind,
        label=task.label,
        unit=task.unit if isinstance(task, Regression) else "",
        classes=_classes(config.finetune),
        primary_metric=_primary(config.finetune),
        predictions=tuple(prediction for part in parts for prediction in part),
        folds=tuple(folds),
        parameters=parameters,
        about=describe(config, labelled),
    )


def _classes(config: FinetuneConfig) -> tuple[str, ...]:
    if isinstance(config.task, Classification):
        return config.task.classes
    return tuple(config.task.regions) if isinstance(config.task, Segmentation) else ()


def _primary(config: FinetuneConfig) -> str:
    if isinstance(config.task, Classification):
        return "auc" if len(config.task.classes) == 2 else "mauc"
    return "mae" if isinstance(config.task, Regression) else f"dice_{next(iter(config.task.regions))}"
