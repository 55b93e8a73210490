"""All backbones by name: one line each."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from pydantic import BaseModel, ValidationError

from medical_transformer.backbones.medical_transformer import MedicalTransformer, MedicalTransformerConfig
from medical_transformer.contracts import Backbone
from medical_transformer.errors import ConfigError


@dataclass(frozen=True, slots=True)
class BackboneEntry:
    """A backbone that can be chosen by name.

    Attributes:
        config: its settings; every one has `in_channels`.
        build: makes the network from them.
        title: what to call it in a table.
        source: where it is described.
        licence: of the published weights, or of this implementation where there are none.
    """

    config: type[BaseModel]
    build: Callable[[Any], Backbone]
    title: str
    source: str
    licence: str


BACKBONES: Mapping[str, BackboneEntry] = {
    "medical-transformer": BackboneEntry(
        MedicalTransformerConfig, MedicalTransformer, "Medical Transformer", "arXiv 2104.13633", "Apache-2.0"
    ),
}


def build_backbone(name: str, settings: Mapping[str, Any] | None = None) -> Backbone:
    """Build a backbone from its name and settings.

    Raises:
        ConfigError: for an unknown name or setting; the message names the nearest known one.
    """
    if name not in BACKBONES:
        near = get_close_matches(name, BACKBONES, n=1)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        raise ConfigError(f"There is no backbone {name!r}; there are: {', '.join(BACKBONES)}.{hint}")
    entry = BACKBONES[name]
    try:
        config = entry.config.model_validate(settings or {})
    except ValidationError as error:
        raise ConfigError(f"Settings of backbone {name!r}: {error}") from error
    return entry.build(config)
