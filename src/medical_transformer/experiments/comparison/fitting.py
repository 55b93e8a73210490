"""Starts that cannot work, found before anything is trained: other networks, files of such, and unfit heads."""

from collections.abc import Collection
from dataclasses import dataclass

from medical_transformer.backbones import build_backbone, check_published
from medical_transformer.backbones.undrawn import undrawn
from medical_transformer.cohorts.tables import read_json
from medical_transformer.contracts import Backbone
from medical_transformer.errors import ConfigError, WeightsError
from medical_transformer.experiments.comparison.config import ComparisonConfig, NetworkMethod
from medical_transformer.experiments.comparison.opening import OpenTask
from medical_transformer.experiments.config import BackboneConfig
from medical_transformer.experiments.encoders import fit_encoder, refuse_other_intensities
from medical_transformer.experiments.head_start import refuse_unfit_head
from medical_transformer.experiments.pretext_tasks import refuse_unteachable
from medical_transformer.tasks import find_model


@dataclass(frozen=True, slots=True)
class _Start:
    """What a method starts from: how sentences call it, and its backbone without values."""

    called: str
    name: str
    network: Backbone


def check_starts(config: ComparisonConfig) -> None:
    """Look at every start of an experiment.

    Raises:
        ConfigError: if a pre-training or an encoder is of another backbone than the method that starts from it, or of
            one with other settings, so that its weights do not fit.
        WeightsError: if a file of weights cannot be had, or is of another network.
    """
    for entry in config.pretraining.values():
        refuse_unteachable(entry.settings.method.name, entry.settings.backbone.name)
        _check_weights(entry.settings.backbone)
    for name, method in config.methods.items():
        if isinstance(method, NetworkMethod):
            _check_weights(method.backbone)
            _check_start(config, name, method)


def check_heads(config: ComparisonConfig, tasks: Collection[OpenTask]) -> None:
    """Look at every head that shall start from a linear fit; label maps are predicted without one.

    Raises:
        ConfigError: if it has a hidden layer.
    """
    networks = {name: method for name, method in config.methods.items() if isinstance(method, NetworkMethod)}
    of_vectors = [task for task in tasks if not task.task.needs_maps]
    for name, method in networks.items():
        for task in of_vectors if method.head == "fitted" else ():
            try:
                refuse_unfit_head(method.backbone, task.task)
            except ConfigError as error:
                raise ConfigError(f"Method {name!r}, task {task.name!r}: {error}") from error


def _check_start(config: ComparisonConfig, name: str, method: NetworkMethod) -> None:
    """Refuse a start whose weights would not fit the method's network, for the modalities of any task."""
    start = _start_of(config, method)
    if start is None:
        return
    if start.name != method.backbone.name:
        raise ConfigError(
            f"Method {name!r}: {start.called} holds a {start.name}, but its backbone is {method.backbone.name}."
        )
    for channels in {len((task.input or config.input).modalities) for task in config.tasks.values()}:
        own = _without_values(method.backbone, channels)
        try:
            refuse_other_intensities(own, start.network, start.called)
            fit_encoder(own, start.network.state_dict())
        except WeightsError as error:
            raise ConfigError(
                f"Method {name!r} cannot start from {start.called}: {error} Give both the same modalities and settings "
                "of the backbone."
            ) from error


def _start_of(config: ComparisonConfig, method: NetworkMethod) -> _Start | None:
    """Return the pre-training or encoder that a method starts from; None where it has neither."""
    if method.pretraining is not None:
        taught = config.pretraining[method.pretraining].settings
        network = _without_values(taught.backbone, len(taught.input.modalities))
        return _Start(f"pre-training {method.pretraining!r}", taught.backbone.name, network)
    if method.encoder is None:
        return None
    found = read_json(find_model(method.encoder) / "config.json")
    backbone = BackboneConfig.model_validate(found["backbone"])
    return _Start(str(method.encoder), backbone.name, _without_values(backbone, len(found["modalities"])))


def _check_weights(backbone: BackboneConfig) -> None:
    if backbone.weights is not None:
        with undrawn():
            network = build_backbone(backbone.name, backbone.settings)
        check_published(backbone.name, network, backbone.weights)


def _without_values(backbone: BackboneConfig, channels: int) -> Backbone:
    """Build a network that sees so many modalities, without values."""
    with undrawn():
        return build_backbone(backbone.name, {**backbone.settings, "in_channels": channels})
