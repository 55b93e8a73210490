"""Training one model: the piece that fine-tuning and every fold of an evaluation share."""

import math
from functools import lru_cache
from pathlib import Path

import torch
from rich.console import Console

from medical_transformer.backbones import PublishedWeights, build_backbone, load_published, load_published_decoder
from medical_transformer.backbones.published_files import checksum, find
from medical_transformer.contracts import Backbone, Decoder
from medical_transformer.experiments.closed_form import fit_head
from medical_transformer.experiments.config import BackboneConfig, FinetuneConfig, InputConfig, identity
from medical_transformer.experiments.data import Data, LabelledSource
from medical_transformer.experiments.decoders import DECODER_FILE, start_decoder
from medical_transformer.experiments.encoders import load_encoder
from medical_transformer.experiments.head_start import start_head
from medical_transformer.tasks import TaskModel, TaskObjective, find_model
from medical_transformer.tasks.shipped import place_of
from medical_transformer.training import Fitted, derive_seed, fit
from medical_transformer.training.compilation import compile_where_it_pays
from medical_transformer.training.devices import choose_device
from medical_transformer.training.fit import OnEpoch, Split


def new_backbone(config: BackboneConfig, inputs: InputConfig, seed: int) -> Backbone:
    """Build a backbone with initial weights that only the seed decides, or with published ones."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive_seed(seed, "weights"))
        backbone = build_backbone(config.name, {**config.settings, "in_channels": len(inputs.modalities)})
    if config.weights is not None:
        _announce(load_published(config.name, backbone, config.weights))
    return backbone


def train_model(
    data: Data,
    split: Split,
    config: FinetuneConfig,
    *,
    folder: Path | None,
    place: tuple[str | int, ...] = (),
    on_epoch: OnEpoch | None = None,
) -> tuple[TaskModel, Fitted]:
    """Train a model for a task on part of a cohort; the best epoch's weights are left in it.

    Where the backbone has nothing to learn, the head is fitted in closed form.

    Args:
        data: the prepared cohort.
        split: which scans train and which choose the epoch.
        config: everything that decides the result.
        folder: where the run is kept, and resumed from.
        place: where in an experiment this run belongs, such as ("fold", 2).
        on_epoch: called after every epoch.
    """
    model = build_model(config)
    source = LabelledSource(data, config.task, augment=config.training.augment)
    if not any(True for _ in model.backbone.parameters()):
        return model, fit_head(model, source, split, seed=config.training.seed, folder=folder, on_epoch=on_epoch)
    source.keep_on(choose_device(config.training.device))
    weights = None
    if not config.task.needs_maps:
        targets = source.targets(split.training)
        config.task.prepare_head(model.head, targets)
        weights = config.task.loss_weights(targets)
    if config.head == "fitted":
        start_head(model, source, split, config.training)
    voxels = config.training.epochs * len(split.training) * math.prod(data.store.spatial_shape)
    compile_where_it_pays(model.backbone, config.training, voxels)
    fitted = fit(
        TaskObjective(model, weights, settled=config.head == "fitted"),
        source,
        split,
        config.training,
        folder=folder,
        identity=run_identity(data, split, config, *place),
        on_epoch=on_epoch,
    )
    return model, fitted


def run_identity(data: Data, split: Split, config: FinetuneConfig, *place: str | int) -> str:
    """Name all that decides a run beside its settings: who trains and who validates, their labels, the encoder's bytes.

    Without the split, a model of other folds would be tested on subjects that it was trained on.
    """
    labels = (str(scan.labels.get(config.task.label)) for scan in data.cohort.scans)
    parts: list[str | int] = ["training", *split.training, "validation", *split.validation, "labels", *labels]
    names = ("model.safetensors", DECODER_FILE)
    encoder = [] if config.encoder is None else [place_of(config.encoder) / name for name in names]
    starts = (*(checksum(path) for path in encoder if path.is_file()), *published_bytes(config.backbone))
    return identity(config, data.cohort, *place, *parts, *starts)


def published_bytes(config: BackboneConfig) -> tuple[str, ...]:
    """Return the checksum of the published weights that a backbone starts from: a name says nothing of the bytes.

    Raises:
        WeightsError: if they cannot be had.
    """
    return () if config.weights is None else (checksum(find(config.weights, config.name)),)


def build_model(config: FinetuneConfig) -> TaskModel:
    """Build the model of a fine-tuning, with the weights that the configuration starts from."""
    backbone = new_backbone(config.backbone, config.input, config.training.seed)
    if config.encoder is not None:
        load_encoder(backbone, find_model(config.encoder), config.input.pool)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive_seed(config.training.seed, "head"))
        model = TaskModel(backbone, config.task)
    loaded = _start_decoder(model, config)
    if loaded is not None:
        _announce(loaded)
    return model


def _start_decoder(model: TaskModel, config: FinetuneConfig) -> PublishedWeights | None:
    """Put the decoder of the encoder's pre-training or of the published file into the head, where both have one."""
    if config.encoder is not None:
        return start_decoder(model, find_model(config.encoder))
    if config.backbone.weights is None or not isinstance(model.head, Decoder):
        return None
    return load_published_decoder(config.backbone.name, model.backbone, config.backbone.weights, model.head)


def _announce(loaded: PublishedWeights) -> None:
    _say_once(str(loaded))


@lru_cache(maxsize=64)
def _say_once(text: str) -> None:
    """Print an account once per process: every rate and fold of a comparison loads the same file."""
    _say(text)


def _say(text: str) -> None:
    Console(stderr=True).print(text, markup=False, highlight=False, soft_wrap=True)
