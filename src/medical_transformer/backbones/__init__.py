"""A volume in, an encoding out."""

from medical_transformer.backbones.medical_transformer import (
    PRESETS,
    MedicalTransformer,
    MedicalTransformerConfig,
)
from medical_transformer.backbones.registry import BACKBONES, BackboneEntry, build_backbone

__all__ = [
    "BACKBONES",
    "PRESETS",
    "BackboneEntry",
    "MedicalTransformer",
    "MedicalTransformerConfig",
    "build_backbone",
]
