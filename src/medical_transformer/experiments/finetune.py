"""`medtrans finetune`: train for a task, from scratch or from a pre-trained encoder."""

from dataclasses import dataclass
from pathlib import Path

from medical_transformer.cohorts import Cohort
from medical_transformer.experiments.cards import write_finetuned_card
from medical_transformer.experiments.config import FinetuneConfig, keep_config
from medical_transformer.experiments.data import Data, hold_out, open_data
from medical_transformer.experiments.head_start import refuse_unfit_head
from medical_transformer.experiments.inherited import pretrained_by, weights_of_others
from medical_transformer.experiments.progress import EpochProgress
from medical_transformer.experiments.resuming import keep_origin
from medical_transformer.experiments.training_run import train_model
from medical_transformer.tasks import Regression, SavedModel, TaskModel, save_model
from medical_transformer.training import Fitted
from medical_transformer.training.fit import Split
from medical_transformer.volumes.claims import one_shared_run


@dataclass(frozen=True, slots=True)
class Finetuned:
    """A fine-tuned model.

    Attributes:
        folder: the model's folder, for `predict --model`.
        fitted: how the training went.
    """

    folder: Path
    fitted: Fitted


@one_shared_run
def finetune(prepared: Path, out: Path, config: FinetuneConfig) -> Finetuned:
    """Train a model for one task on a whole cohort; a share of its subjects chooses the epoch.

    Args:
        prepared: what `prepare` wrote.
        out: the run's folder; an unfinished run in it is taken up again.
        config: everything that decides the result.

    Raises:
        CohortError: if no scan has the label.
        WeightsError: if the encoder does not fit.
    """
    data, labelled = open_labelled(prepared, config)
    label = None if config.task.needs_maps else config.task.label
    training, validation = hold_out(labelled, config.validation, label=label, seed=config.training.seed)
    split = Split(data.places(training, among=labelled), data.places(validation, among=labelled))
    keep_config(config, out)
    keep_origin("finetune", prepared, out)
    with EpochProgress(f"fine-tuning, {config.task.label}", config.training.epochs) as progress:
        model, fitted = train_model(data, split, config, folder=out, on_epoch=progress)
    best = {"epoch": fitted.best.epoch, "loss": fitted.best.validation_loss, **fitted.best.metrics}
    about = {**facts_about(config, labelled), "best": best}
    saved = saved_model(model, data, config, about)
    save_model(saved, out / "model")
    write_finetuned_card(saved, config, out / "model")
    return Finetuned(out / "model", fitted)


def open_labelled(prepared: Path, config: FinetuneConfig) -> tuple[Data, Cohort]:
    """Open a prepared cohort, and the part of it that has what the task predicts.

    Raises:
        ConfigError: if the head shall start from a linear fit and cannot.
    """
    if config.head == "fitted":
        refuse_unfit_head(config.backbone, config.task)
    data = open_data(prepared, config.input, segmentation=config.task.needs_maps)
    return data, data.cohort if config.task.needs_maps else data.cohort.with_label(config.task.label)


def facts_about(config: FinetuneConfig, labelled: Cohort) -> dict[str, object]:
    """Return what a model must know of its training: who, whose weights, and for a number the range of the labels."""
    facts: dict[str, object] = {
        "cohort": labelled.name,
        "scans": len(labelled),
        "subjects": list(labelled.subjects),
        "contents": sorted(scan.content_hash for scan in labelled.scans),
        **pretrained_by(config.encoder),
        "weights": weights_of_others(config.backbone, config.encoder),
    }
    if isinstance(config.task, Regression):
        values = [float(scan.labels[config.task.label]) for scan in labelled.scans]
        facts["label_range"] = [min(values), max(values)]
    return facts


def saved_model(model: TaskModel, data: Data, config: FinetuneConfig, about: dict[str, object]) -> SavedModel:
    """Join a trained model with everything that must travel with it."""
    settings = {**config.backbone.settings, "in_channels": len(config.input.modalities)}
    return SavedModel(
        model.eval(),
        {"name": config.backbone.name, "settings": settings},
        data.preparation,
        config.input.pool,
        config.input.modalities,
        about,
        data.cohort.modalities,
    )
