"""Doing one unit: train on its fold, choose on the validation part, test once."""

from collections.abc import Callable, Iterator

import numpy as np
import torch

from medical_transformer.errors import ConfigError, NonFiniteLossError
from medical_transformer.evaluation import EvaluationResult
from medical_transformer.experiments.comparison.config import ClassicalMethod, NetworkMethod
from medical_transformer.experiments.comparison.setup import Setup
from medical_transformer.experiments.config import FinetuneConfig
from medical_transformer.experiments.data import LabelledSource
from medical_transformer.experiments.features import encoder_features, tissue_features, with_icv
from medical_transformer.experiments.fold_results import Tested, finished_fold, fold_result
from medical_transformer.experiments.linear_model import fit_linear
from medical_transformer.experiments.testing import ask_model, segmentation_prediction
from medical_transformer.experiments.training_run import train_model
from medical_transformer.tasks import SELECTION, Segmentation, TaskModel
from medical_transformer.training import EpochRecord, Fitted

OnEpoch = Callable[[EpochRecord], None]


def finished(setup: Setup) -> EvaluationResult | None:
    """Return a unit's result where it is done."""
    return finished_fold(setup.folder, setup.identity, setup.folder)


def run_unit(setup: Setup, on_epoch: OnEpoch | None = None) -> EvaluationResult:
    """Do a unit, or return its result where it is done; one that was interrupted goes on at its last epoch."""
    done = finished(setup)
    if done is not None:
        return done
    if isinstance(setup.method, NetworkMethod):
        tested, found = _network(setup, on_epoch)
    elif setup.task.needs_maps:
        tested, found = _most_frequent_labels(setup), ""
    else:
        tested, found = _linear(setup)
    result = fold_result(setup.task, tested, {"identity": setup.identity, "searched": found})
    result.save(setup.folder)
    for checkpoint in setup.folder.glob("**/checkpoint.safetensors"):
        checkpoint.unlink()  # tens of megabytes of optimiser state, times hundreds of units
    return result


def _network(setup: Setup, on_epoch: OnEpoch | None) -> tuple[Tested, str]:
    """Train every candidate, and test the one that does best on the validation part."""
    trained = list(_trained(setup, on_epoch))
    chosen, model, fitted = min(trained, key=lambda one: _badness(one[2], one[0]))
    parts = setup.split.validation, setup.tested
    tested = ask_model(
        model, setup.data, parts, chosen, numbered=(setup.unit.fold, setup.fold), out=setup.folder
    ).trained(fitted)
    searched = len(setup.candidates) > 1
    return tested, f"learning rate {chosen.training.learning_rate:g}" if searched else ""


def _trained(setup: Setup, on_epoch: OnEpoch | None) -> Iterator[tuple[FinetuneConfig, TaskModel, Fitted]]:
    """Train the candidates; of several, one whose loss ceases to be finite is not chosen, and the others go on.

    Raises:
        NonFiniteLossError: if none is left.
    """
    failed: list[NonFiniteLossError] = []
    for candidate in setup.candidates:
        try:
            yield candidate, *_train(setup, candidate, on_epoch)
        except NonFiniteLossError as error:
            failed.append(error)
    if len(failed) == len(setup.candidates):
        raise failed[0]


def _train(setup: Setup, candidate: FinetuneConfig, on_epoch: OnEpoch | None) -> tuple[TaskModel, Fitted]:
    folder = setup.folder
    if len(setup.candidates) > 1:
        folder /= f"learning-rate-{candidate.training.learning_rate:g}"
    return train_model(setup.data, setup.split, candidate, folder=folder, place=("unit",), on_epoch=on_epoch)


def _badness(fitted: Fitted, config: FinetuneConfig) -> float:
    """Return the number that chose the epoch, less is better."""
    name, larger_is_better = SELECTION[config.task.kind]
    value = fitted.best.number(name)
    return -value if larger_is_better else value


def _linear(setup: Setup) -> tuple[Tested, str]:
    """Fit a linear model on tissue volumes or on a frozen encoder's vectors."""
    kept = setup.out / "features"
    if isinstance(setup.method, ClassicalMethod):
        features = tissue_features(setup.data, kept)
    else:
        assert setup.encoder is not None
        features = encoder_features(setup.encoder, setup.data, kept)
    source = LabelledSource(setup.data, setup.task, augment=False)
    train, validation, test = (
        (with_icv(features[list(places)], source.log_icv_of(places)), setup.scans(places))
        for places in (setup.split.training, setup.split.validation, setup.tested)
    )
    own = 0 if source.log_icv is None else 1
    model, fold = fit_linear(setup.task, train, validation, own=own), setup.unit.fold
    tested = Tested(
        number=fold,
        fold=setup.fold,
        predictions=model.answer(*test, fold),
        validation=model.answer(*validation, fold),
    )
    return tested, f"penalty {model.penalty:g}"


def _most_frequent_labels(setup: Setup) -> Tested:
    """Answer every tested scan with the label that is most frequent at each place among the training scans."""
    task = setup.task
    if not isinstance(task, Segmentation) or not isinstance(setup.method, ClassicalMethod):
        raise ConfigError(f"{setup.unit}: a probe answers with a class or a number, not with a label map.")
    votes = np.zeros((task.outputs, *setup.data.store.spatial_shape), dtype=np.int32)
    for place in setup.split.training:
        classes = task.encode(torch.from_numpy(setup.data.store.segmentations([place])[0])).numpy()
        for index in range(task.outputs):
            votes[index] += classes == index
    answer = task.decode(torch.from_numpy(votes.argmax(axis=0))).numpy()
    return Tested(
        number=setup.unit.fold,
        fold=setup.fold,
        predictions=[
            segmentation_prediction(task, setup.data, place, answer, fold=setup.unit.fold, out=setup.folder)
            for place in setup.tested
        ],
    )
