"""Teaching a backbone without labels."""

from medical_transformer.pretraining.encodings import EncodedScans, EncodedSlices, encode_scans
from medical_transformer.pretraining.exemplar import Exemplar, UnlabelledBatch
from medical_transformer.pretraining.masked_encoding import MaskedEncoding

__all__ = ["EncodedScans", "EncodedSlices", "Exemplar", "MaskedEncoding", "UnlabelledBatch", "encode_scans"]
