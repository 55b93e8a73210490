"""Teaching a backbone without labels."""

from medical_transformer.pretraining.encodings import EncodedScans, EncodedSlices, encode_scans
from medical_transformer.pretraining.exemplar import Exemplar, UnlabelledBatch
from medical_transformer.pretraining.jigsaw import Jigsaw, draw_permutations, load_permutations, save_permutations
from medical_transformer.pretraining.masked_encoding import MaskedEncoding
from medical_transformer.pretraining.patch_location import PatchLocation
from medical_transformer.pretraining.predictive_coding import PredictiveCoding
from medical_transformer.pretraining.pretext import Pretext
from medical_transformer.pretraining.restoration import Restoration
from medical_transformer.pretraining.rotation import Rotation
from medical_transformer.pretraining.settings import (
    AnyMethod,
    JigsawSettings,
    MethodSettings,
    PatchLocationSettings,
    PredictiveCodingSettings,
    RestorationSettings,
    RotationSettings,
    SliceTissuesSettings,
    TwoStages,
    VolumeExemplarSettings,
)
from medical_transformer.pretraining.slice_tissues import SliceTissues
from medical_transformer.pretraining.volume_exemplar import VolumeExemplar

__all__ = [
    "AnyMethod",
    "EncodedScans",
    "EncodedSlices",
    "Exemplar",
    "Jigsaw",
    "JigsawSettings",
    "MaskedEncoding",
    "MethodSettings",
    "PatchLocation",
    "PatchLocationSettings",
    "PredictiveCoding",
    "PredictiveCodingSettings",
    "Pretext",
    "Restoration",
    "RestorationSettings",
    "Rotation",
    "RotationSettings",
    "SliceTissues",
    "SliceTissuesSettings",
    "TwoStages",
    "UnlabelledBatch",
    "VolumeExemplar",
    "VolumeExemplarSettings",
    "draw_permutations",
    "encode_scans",
    "load_permutations",
    "save_permutations",
]
