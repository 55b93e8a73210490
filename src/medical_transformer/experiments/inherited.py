"""The weights of others that a training goes back to: their terms bind every model that was made from them."""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from medical_transformer.backbones.origins import Origin, origin_of
from medical_transformer.backbones.published_files import checksum
from medical_transformer.cohorts.tables import read_json
from medical_transformer.experiments.config import BackboneConfig
from medical_transformer.tasks import find_model


def weights_of_others(backbone: BackboneConfig, encoder: str | None = None) -> list[dict[str, str]]:
    """Return the files that a training starts from, as a model's `about` keeps them; none where it starts at random.

    Args:
        backbone: which may start from published weights.
        encoder: a model folder or a name; what it goes back to itself is handed on.

    Raises:
        WeightsError: if published weights or the encoder cannot be had.
    """
    if backbone.weights is not None:
        return [asdict(origin_of(backbone.weights, backbone.name))]
    return [] if encoder is None else [asdict(one) for one in _handed_on(find_model(encoder))]


def pretrained_by(encoder: str | None) -> dict[str, str]:
    """Return the method that pre-trained an encoder, as a model's `about` keeps it; empty where none is recorded."""
    if encoder is None:
        return {}
    about = read_json(find_model(encoder) / "config.json")["about"]
    return {"method": about["method"]} if "method" in about else {}


def origins(about: Mapping[str, Any]) -> tuple[Origin, ...]:
    """Return the files of others that a model goes back to, as far as it was recorded."""
    return tuple(Origin(**one) for one in about.get("weights", ()))


def _handed_on(encoder: Path) -> tuple[Origin, ...]:
    """Return what an encoder goes back to, and the encoder itself where it was published under terms."""
    about = read_json(encoder / "config.json")["about"]
    published = about.get("published", {})
    terms = "; ".join(filter(None, (published.get("licence"), published.get("data"))))
    itself = (Origin(encoder.name, checksum(encoder / "model.safetensors"), terms),) if terms else ()
    return (*origins(about), *itself)
