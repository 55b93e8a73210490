"""Starts that cannot work, found before anything is trained: other networks, files of such, and unfit heads."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

from medical_transformer.backbones import build_backbone, check_published
from medical_transformer.backbones.undrawn import undrawn
from medical_transformer.cohorts.tables import read_json
from medical_transformer.contracts import Backbone, Decoder
from medical_transformer.errors import ConfigError, WeightsError
from medical_transformer.experiments.comparison.config import ComparisonConfig, NetworkMethod, ProbeMethod
from medical_transformer.experiments.comparison.opening import OpenTask
from medical_transformer.experiments.config import BackboneConfig
from medical_transformer.experiments.decoders import fit_decoder
from medical_transformer.experiments.encoders import fit_encoder, refuse_other_intensities
from medical_transformer.experiments.head_start import refuse_unfit_head
from medical_transformer.experiments.pretext_tasks import refuse_unteachable
from medical_transformer.tasks import find_model


@dataclass(frozen=True, slots=True)
class _Start:
    """What a method starts from: how sentences call it, its backbone without values, and the folder of an encoder."""

    called: str
    modalities: tuple[str, ...]
    name: str
    network: Backbone
    folder: Path | None = None


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a method stands: what begins a sentence, and all of its task that decides whether a start fits."""

    method: str
    task: str
    modalities: tuple[str, ...]
    segments: bool

    def __str__(self) -> str:
        return f"Method {self.method!r}, task {self.task!r}"


def check_starts(config: ComparisonConfig) -> None:
    """Look at every start of an experiment, for the modalities of every task.

    Raises:
        ConfigError: if a pre-training or an encoder is of another backbone than the method that starts from it, or of
            one with other settings, so that its weights do not fit, or was taught on other modalities than a probe
            shows it.
        WeightsError: if a file of weights cannot be had, is of another network, or does not fit.
    """
    for name, entry in config.pretraining.items():
        backbone, channels = entry.settings.backbone, len(entry.settings.input.modalities)
        refuse_unteachable(entry.settings.method.name, backbone.name)
        _check_weights(f"Pre-training {name!r}", backbone, _without_values(backbone, channels))
    for name, method in config.methods.items():
        for place in _places(config, name):
            if isinstance(method, NetworkMethod):
                _check_network(place, method, _start_of(config, method))
            elif isinstance(method, ProbeMethod) and not place.segments:  # of a segmentation it is told when it is due
                _check_probe(place, _start_of(config, method))


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


def _places(config: ComparisonConfig, method: str) -> Iterable[_Place]:
    """Return where a method stands, once for all tasks for which the same starts fit."""
    found: dict[tuple[int, bool], _Place] = {}
    for name, entry in config.tasks.items():
        modalities = (entry.input or config.input).modalities
        found.setdefault((len(modalities), entry.segments), _Place(method, name, modalities, entry.segments))
    return found.values()


def _check_network(place: _Place, method: NetworkMethod, start: _Start | None) -> None:
    """Refuse a start whose weights do not fit the method's network, or its decoder where label maps are predicted."""
    if start is None and method.backbone.weights is None:
        return
    own = _without_values(method.backbone, len(place.modalities))
    with undrawn():
        decoder = own.build_decoder(1) if place.segments else None
    _check_weights(place, method.backbone, own, decoder)
    if start is None:
        return
    _check_backbone(place, method.backbone.name, own, start)
    if start.folder is None:
        return
    try:
        fit_decoder(own, decoder, start.folder)
    except WeightsError as error:
        raise WeightsError(
            f"{place}: {error} Pre-train again, or delete that file, and the decoder starts from random weights."
        ) from error


def _check_backbone(place: _Place, name: str, own: Backbone, start: _Start) -> None:
    """Refuse a start of another backbone, and one whose weights do not fit."""
    if start.name != name:
        raise ConfigError(f"{place}: {start.called} holds a {start.name}, but its backbone is {name}.")
    try:
        refuse_other_intensities(own, start.network, start.called)
        fit_encoder(own, start.network.state_dict())
    except WeightsError as error:
        raise ConfigError(
            f"{place}: cannot start from {start.called}: {error} Give both the same modalities and settings of the "
            "backbone."
        ) from error


def _check_probe(place: _Place, start: _Start | None) -> None:
    """Refuse a frozen encoder that would be shown another number of modalities than it was taught on."""
    if start is not None and len(start.modalities) != len(place.modalities):
        taught, shown = (", ".join(names) for names in (start.modalities, place.modalities))
        raise ConfigError(
            f"{place}: {start.called} was taught on {taught}, but is shown {shown}. A probe leaves its weights as they "
            "are: give both the same number of `modalities`, or fine-tune it (`kind: network`)."
        )


def _start_of(config: ComparisonConfig, method: NetworkMethod | ProbeMethod) -> _Start | None:
    """Return the pre-training or encoder that a method starts from; None where it has neither."""
    if method.pretraining is not None:
        taught = config.pretraining[method.pretraining].settings
        modalities = taught.input.modalities
        network = _without_values(taught.backbone, len(modalities))
        return _Start(f"pre-training {method.pretraining!r}", modalities, taught.backbone.name, network)
    if method.encoder is None:
        return None
    folder = find_model(method.encoder)
    found = read_json(folder / "config.json")
    backbone, modalities = BackboneConfig.model_validate(found["backbone"]), tuple(found["modalities"])
    network = _without_values(backbone, len(modalities))
    return _Start(str(method.encoder), modalities, backbone.name, network, folder)


def _check_weights(whose: object, backbone: BackboneConfig, network: Backbone, decoder: Decoder | None = None) -> None:
    """Refuse published weights that do not fit a network or its decoder."""
    if backbone.weights is None:
        return
    try:
        check_published(backbone.name, network, backbone.weights, decoder)
    except WeightsError as error:
        raise WeightsError(f"{whose}: {error}") from error


def _without_values(backbone: BackboneConfig, channels: int) -> Backbone:
    """Build a network that sees so many modalities, without values."""
    with undrawn():
        return build_backbone(backbone.name, {**backbone.settings, "in_channels": channels})
