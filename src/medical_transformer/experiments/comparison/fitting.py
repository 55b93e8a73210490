"""Starts that cannot work, found before anything is trained: networks that differ, and files of other networks."""

from medical_transformer.backbones import build_backbone, check_published
from medical_transformer.backbones.undrawn import undrawn
from medical_transformer.cohorts.tables import read_json
from medical_transformer.errors import ConfigError
from medical_transformer.experiments.comparison.config import ComparisonConfig, NetworkMethod
from medical_transformer.experiments.config import BackboneConfig
from medical_transformer.experiments.pretext_tasks import refuse_unteachable
from medical_transformer.tasks import find_model


def check_starts(config: ComparisonConfig) -> None:
    """Look at every start of an experiment.

    Raises:
        ConfigError: if a pre-training or an encoder is of another backbone than the method that starts from it.
        WeightsError: if a file of weights cannot be had, or is of another network.
    """
    for entry in config.pretraining.values():
        refuse_unteachable(entry.settings.method.name, entry.settings.backbone.name)
        _check_weights(entry.settings.backbone)
    for name, method in config.methods.items():
        if isinstance(method, NetworkMethod):
            _check_method(config, name, method)


def _check_method(config: ComparisonConfig, name: str, method: NetworkMethod) -> None:
    _check_weights(method.backbone)
    if method.pretraining is not None:
        taught = config.pretraining[method.pretraining].settings.backbone.name
        start = f"pre-training {method.pretraining!r}"
    elif method.encoder is not None:
        taught = read_json(find_model(method.encoder) / "config.json")["backbone"]["name"]
        start = str(method.encoder)
    else:
        return
    if taught != method.backbone.name:
        raise ConfigError(f"Method {name!r}: {start} holds a {taught}, but its backbone is {method.backbone.name}.")


def _check_weights(backbone: BackboneConfig) -> None:
    if backbone.weights is not None:
        with undrawn():
            network = build_backbone(backbone.name, backbone.settings)
        check_published(backbone.name, network, backbone.weights)
