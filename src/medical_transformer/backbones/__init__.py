"""A volume in, an encoding out."""

from medical_transformer.backbones.medical_transformer import (
    PRESETS,
    MedicalTransformer,
    MedicalTransformerConfig,
)
from medical_transformer.backbones.published import (
    PublishedWeights,
    check_published,
    load_published,
    load_published_decoder,
)
from medical_transformer.backbones.registry import BACKBONES, BackboneEntry, build_backbone, find_backbone
from medical_transformer.backbones.tissue_volumes import TissueVolumes, TissueVolumesConfig

__all__ = [
    "BACKBONES",
    "PRESETS",
    "BackboneEntry",
    "MedicalTransformer",
    "MedicalTransformerConfig",
    "PublishedWeights",
    "TissueVolumes",
    "TissueVolumesConfig",
    "build_backbone",
    "check_published",
    "find_backbone",
    "load_published",
    "load_published_decoder",
]
