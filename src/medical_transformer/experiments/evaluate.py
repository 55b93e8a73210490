"""`medtrans evaluate`: cross-validation by subject, with a report (paper section 4.1.1)."""

from pathlib import Path

from medical_transformer.cohorts import Cohort
from medical_transformer.cohorts.folds import Fold, make_folds, save_folds
from medical_transformer.evaluation import EvaluationResult
from medical_transformer.experiments.config import EvaluateConfig, keep_config
from medical_transformer.experiments.data import Data
from medical_transformer.experiments.finetune import facts_about, open_labelled, saved_model
from medical_transformer.experiments.fold_results import finished_fold, fold_result, join_folds
from medical_transformer.experiments.overlays import draw_overlays
from medical_transformer.experiments.progress import EpochProgress
from medical_transformer.experiments.protocol import describe
from medical_transformer.experiments.resuming import keep_origin
from medical_transformer.experiments.testing import ask_model
from medical_transformer.experiments.training_run import run_identity, train_model
from medical_transformer.reporting import write_report
from medical_transformer.tasks import save_model
from medical_transformer.training.fit import Split
from medical_transformer.volumes.claims import one_shared_run


@one_shared_run
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
    keep_config(config, out)
    keep_origin("evaluate", prepared, out)
    save_folds(folds, out / "folds.tsv")
    about = describe(config, labelled)
    tested = [_run_fold(data, labelled, config, (number, fold), out) for number, fold in enumerate(folds, start=1)]
    result = join_folds(tested, about)
    result.save(out)
    write_report(result, out / "report.html", overlays=draw_overlays(data, result, config.finetune.task, out))
    return result


def _run_fold(
    data: Data, labelled: Cohort, config: EvaluateConfig, numbered: tuple[int, Fold], out: Path
) -> EvaluationResult:
    """Train on one fold and test it, unless that is done."""
    number, fold = numbered
    folder, task, place = out / f"fold-{number}", config.finetune.task, ("fold", number)
    train, validation, test = (
        data.places(subjects, among=labelled) for subjects in (fold.train, fold.validation, fold.test)
    )
    split = Split(train, validation)
    about = {"identity": run_identity(data, split, config.finetune, *place)}
    done = finished_fold(folder, about["identity"], out)
    if done is not None:
        return done
    with EpochProgress(f"fold {number} of {config.folds}, {task.label}", config.finetune.training.epochs) as progress:
        model, fitted = train_model(data, split, config.finetune, folder=folder, place=place, on_epoch=progress)
    learnt = labelled.where(lambda scan: scan.subject in fold.train | fold.validation)
    facts = {**facts_about(config.finetune, learnt), "fold": number}
    save_model(saved_model(model, data, config.finetune, facts), folder / "model")
    tested = ask_model(model, data, (validation, test), config.finetune, numbered=numbered, out=out)
    result = fold_result(task, tested.trained(fitted), about)
    result.save(folder)
    return result
