"""Teaching a backbone without labels."""

from medical_transformer.pretraining.encodings import EncodedScans, EncodedSlices, encode_scans
from medical_transformer.pretraining.exemplar import Exemplar, UnlabelledBatch
from medical_transformer.pretraining.jigsaw import Jigsaw, draw_permutations, load_permutations, save_permutations
from medical_transformer.pretraining.masked_encoding import MaskedEncoding
from medical_transformer.pretraining.patch_location import PatchLocation
from medical_transformer.pretraining.pretext import Pretext
from medical_transformer.pretraining.rotation import Rotation

__all__ = [
    "EncodedScans",
    "EncodedSlices",
    "Exemplar",
    "Jigsaw",
    "MaskedEncoding",
    "PatchLocation",
    "Pretext",
    "Rotation",
    "UnlabelledBatch",
    "draw_permutations",
    "encode_scans",
    "load_permutations",
    "save_permutations",
]
