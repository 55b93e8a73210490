"""Encoding vectors computed once: the encoder of stage 2 is frozen and draws nothing, so they never change."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from medical_transformer.backbones import MedicalTransformer
from medical_transformer.pretraining.exemplar import UnlabelledBatch
from medical_transformer.shapes import Encodings
from medical_transformer.slices import Plane

# The image of a masked slice: constant, and no intensity of a prepared scan (which lie in [0, 1]).
MASKED_INTENSITY = -1.0


@dataclass(frozen=True, slots=True)
class EncodedSlices:
    """Slice vectors of a batch of scans, per plane."""

    vectors: Mapping[Plane, Encodings]

    def to(self, device: torch.device) -> "EncodedSlices":
        """Move the batch to a device."""
        return EncodedSlices({plane: vectors.to(device) for plane, vectors in self.vectors.items()})


@dataclass(frozen=True, slots=True)
class EncodedScans:
    """Slice vectors of a whole cohort, and the vector of a masked slice.

    Attributes:
        vectors: per plane, one vector per slice of every scan.
        masked: per plane, the frozen encoder's vector of a masked slice image.
    """

    vectors: Mapping[Plane, Encodings]
    masked: Mapping[Plane, Float[Tensor, "embedding"]]

    def select(self, items: list[int]) -> EncodedSlices:
        """Return the vectors of some scans."""
        return EncodedSlices({plane: vectors[items] for plane, vectors in self.vectors.items()})


@torch.no_grad()
def encode_scans(
    backbone: MedicalTransformer, batches: Iterable[UnlabelledBatch], scans: int | None = None
) -> EncodedScans:
    """Encode every slice of every scan once: 306 vectors per scan at 96x114x96.

    The scans are encoded where the encoders are, and the vectors are returned in main memory.

    Args:
        backbone: its encoders are used.
        batches: of scans.
        scans: how many they hold together; without it they are counted, for which all are held at once.
    """
    if scans is None:
        batches = list(batches)
        scans = sum(len(batch.volumes) for batch in batches)
    device = next(backbone.encoders.parameters()).device
    vectors: dict[Plane, Tensor] = {}
    masked: dict[Plane, Tensor] = {}
    done = 0
    for batch in batches:
        volumes = batch.volumes.to(device)
        masked = masked or _encode_masked(backbone, volumes[:1])
        for plane, features in backbone.encode_slices(volumes).items():
            whole = vectors.setdefault(plane, torch.empty((scans, *features.vectors.shape[1:])))
            whole[done : done + len(volumes)] = features.vectors
        done += len(volumes)
    return EncodedScans(vectors, masked)


def bytes_of_encodings(backbone: MedicalTransformer, shape: Sequence[int], scans: int) -> int:
    """Return what the slice vectors of scans of a shape take in memory: 78,336 bytes a scan at 96x114x96."""
    return 4 * scans * sum(shape) * backbone.config.embedding


def _encode_masked(backbone: MedicalTransformer, like: Tensor) -> dict[Plane, Tensor]:
    """Encode a stack of masked slice images; all its slices have the same vector."""
    features = backbone.encode_slices(torch.full_like(like, MASKED_INTENSITY))
    return {plane: feature.vectors[0, 0].cpu() for plane, feature in features.items()}
