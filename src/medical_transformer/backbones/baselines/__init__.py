"""The networks of the paper's rivals, one file each, and a modern one that the paper lacks."""

from medical_transformer.backbones.baselines.baseline import Baseline, BaselineConfig, Translation
from medical_transformer.backbones.baselines.highres3dnet import HighRes3DNet
from medical_transformer.backbones.baselines.i3d import I3D
from medical_transformer.backbones.baselines.intensities import Intensities
from medical_transformer.backbones.baselines.medicalnet import MedicalNet, MedicalNetConfig
from medical_transformer.backbones.baselines.models_genesis import GenesisUNet
from medical_transformer.backbones.baselines.self_supervised_unet import SelfSupervisedUNet, SelfSupervisedUNetConfig
from medical_transformer.backbones.baselines.swin_unetr import SwinUNETR, SwinUNETRConfig
from medical_transformer.backbones.baselines.vnet import VNet

__all__ = [
    "I3D",
    "Baseline",
    "BaselineConfig",
    "GenesisUNet",
    "HighRes3DNet",
    "Intensities",
    "MedicalNet",
    "MedicalNetConfig",
    "SelfSupervisedUNet",
    "SelfSupervisedUNetConfig",
    "SwinUNETR",
    "SwinUNETRConfig",
    "Translation",
    "VNet",
]
