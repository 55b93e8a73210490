"""The paper's network: an encoder per plane, a transformer over its slices, a multi-view encoding."""

from medical_transformer.backbones.medical_transformer.config import PRESETS, MedicalTransformerConfig
from medical_transformer.backbones.medical_transformer.model import MedicalTransformer

__all__ = ["PRESETS", "MedicalTransformer", "MedicalTransformerConfig"]
