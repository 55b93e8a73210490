"""Fitting the head of a backbone that has nothing to learn: one linear model instead of epochs."""

import time
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from medical_transformer.backbones import TissueVolumes, TissueVolumesConfig
from medical_transformer.cohorts import Scan
from medical_transformer.contracts import Encoding
from medical_transformer.errors import ConfigError
from medical_transformer.experiments.data import LabelledSource
from medical_transformer.experiments.features import Features, with_icv
from medical_transformer.experiments.head_start import put_layer
from medical_transformer.experiments.linear_model import fit_linear
from medical_transformer.preprocessing import Store
from medical_transformer.tasks import Classification, Regression, TaskModel
from medical_transformer.training import EpochRecord, Fitted, Journal, generator
from medical_transformer.training.acquisition import acquire, draw_acquisition
from medical_transformer.training.fit import OnEpoch, Split

Measured = Float[np.ndarray[Any, Any], "feature"]
Measuring = tuple[TissueVolumesConfig, Store, int]

# What a training scan is measured as where scans are varied: itself, its mirror image, and both as two other scanners
# would have taken them.
COPIES = 4


def fit_head(
    model: TaskModel, source: LabelledSource, split: Split, *, seed: int, folder: Path | None, on_epoch: OnEpoch | None
) -> Fitted:
    """Fit a ridge or a logistic regression on the backbone's vectors, and put it into the linear head.

    The penalty is the one that does best on the validation scans, as the epoch of a training is. Training scans are
    varied as scanners vary and not in place or size, because it is sizes at places that are measured.

    Args:
        model: its backbone has no weights; its head is linear.
        source: where scans and targets come from.
        split: which scans are fitted, and which choose the penalty.
        seed: of the variations, where the source asks for them.
        folder: gets the journal, of a single row.
        on_epoch: called once.

    Raises:
        ConfigError: for a segmentation.
        CohortError: if the training scans lack a class.
    """
    start = time.perf_counter()
    if not isinstance(model.task, Classification | Regression) or not isinstance(model.backbone, TissueVolumes):
        raise ConfigError("A backbone without weights answers with a number or a class, not with a label map.")
    measuring = (model.backbone.config, source.data.store, seed)
    training = _measured(measuring, source, split.training, COPIES if source.augment else 1)
    validation = _measured(measuring, source, split.validation, 1)
    own = 0 if source.log_icv is None else 1
    put_layer(*fit_linear(model.task, training, validation, own=own).layer(), model)
    model.head.eval()
    found = _numbers(model, validation[0], source.targets(split.validation))
    record = EpochRecord(
        epoch=1,
        training_loss=_numbers(model, training[0][: len(split.training)], source.targets(split.training))["loss"],
        validation_loss=found.pop("loss"),
        metrics=found,
        learning_rate=0.0,
        seconds=time.perf_counter() - start,
    )
    fitted = Fitted(Journal([record]), record)
    if folder is not None:
        fitted.journal.save(folder / "journal.tsv")
    if on_epoch is not None:
        on_epoch(record)
    return fitted


def _measured(
    measuring: Measuring, source: LabelledSource, places: Sequence[int], copies: int
) -> tuple[Features, list[Scan]]:
    """Measure scans as they are, then once more for every further copy; the intracranial volume comes last."""
    vectors = np.stack([_vector(measuring, place, copy) for copy in range(copies) for place in places])
    return with_icv(vectors, source.log_icv_of([*places] * copies)), source.scans(places) * copies


@lru_cache(maxsize=100_000)
def _vector(measuring: Measuring, place: int, copy: int) -> Measured:
    """Measure a scan once, however many folds it trains in."""
    config, store, seed = measuring
    volumes = torch.from_numpy(store.volumes([place]))
    if copy % 2:
        volumes = volumes.flip(2)  # the first spatial axis runs from left to right
    if copy > 1:
        volumes = acquire(volumes, draw_acquisition(1, generator(seed, "acquisition", place, copy)))
    vector: Measured = TissueVolumes(config)(volumes).vector[0].numpy()
    return vector


@torch.no_grad()
def _numbers(model: TaskModel, vectors: Features, targets: Tensor) -> dict[str, float]:
    """Return the mean of the loss and of the task's scores, as an epoch's validation does."""
    outputs = model.head(Encoding(torch.from_numpy(vectors).float(), ()), ())
    scores = {name: total / len(outputs) for name, total in model.task.scores(outputs, targets).items()}
    weights = model.task.loss_weights(targets)
    return {"loss": float(model.task.loss(outputs, targets, weights)), **scores}
