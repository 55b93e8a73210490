"""The paper's backbone, part by part as in its Fig. 1."""

from typing import cast

import torch
from torch import nn

from medical_transformer.backbones.medical_transformer.config import MedicalTransformerConfig
from medical_transformer.backbones.medical_transformer.plane_transformer import PlaneTransformer
from medical_transformer.backbones.medical_transformer.slice_encoder import SliceEncoder, SliceFeatures
from medical_transformer.contracts import Backbone, Encoding
from medical_transformer.shapes import Encodings, FeatureMap, VolumeBatch
from medical_transformer.slices import Plane, assemble, cut


class MedicalTransformer(Backbone):
    """Three independent slice encoders and a transformer over their slices (paper section 3.2)."""

    def __init__(self, config: MedicalTransformerConfig | None = None) -> None:
        super().__init__()
        self.config = config or MedicalTransformerConfig()
        self.encoders = nn.ModuleDict({plane: self._encoder() for plane in Plane})
        self.transformer = PlaneTransformer(self.config) if self.config.layers else None
        self.in_channels = self.config.in_channels
        self.feature_size = len(Plane) * self.config.embedding
        widths = tuple(self.config.width * factor for factor in (4, 2, 1))
        self.map_channels = (self.config.embedding, *widths) * len(Plane)

    def forward(self, volumes: VolumeBatch, *, maps: bool = False) -> Encoding:
        """Cut, encode every slice, relate the slices of each plane, and combine the planes."""
        features = self.encode_slices(volumes, maps=maps)
        related = self.relate_slices({plane: feature.vectors for plane, feature in features.items()})
        vector = torch.cat([related[plane].mean(dim=1) for plane in Plane], dim=-1)
        return Encoding(vector, _place_in_space(features, related) if maps else ())

    def encode_slices(self, volumes: VolumeBatch, *, maps: bool = False) -> dict[Plane, SliceFeatures]:
        """Turn every slice of every plane into a vector (Z of section 3.1), without the transformer."""
        return {plane: self.encoders[plane](cut(volumes, plane), maps=maps) for plane in Plane}

    def relate_slices(self, vectors: dict[Plane, Encodings]) -> dict[Plane, Encodings]:
        """Relate the slices of each plane (Eq. 2 and 3); without a transformer they stay as they are."""
        return vectors if self.transformer is None else self.transformer(vectors)

    def compile_parts(self) -> None:
        """Compile the slice encoders, where nearly all time goes."""
        # Three shapes of slices, each with and without gradients, and with and without maps.
        torch._dynamo.config.cache_size_limit = max(torch._dynamo.config.cache_size_limit, 64)
        for encoder in self.encoders.values():
            cast(SliceEncoder, encoder).compile_encoding()

    def _encoder(self) -> SliceEncoder:
        return SliceEncoder(self.config.in_channels, self.config.width, self.config.embedding)


def _place_in_space(features: dict[Plane, SliceFeatures], related: dict[Plane, Encodings]) -> tuple[FeatureMap, ...]:
    """Give every feature its place in the head: a slice's vector holds for its whole slice (section 3.3.2)."""
    maps: list[FeatureMap] = []
    for plane in Plane:
        maps.append(assemble(related[plane][..., None, None], plane))
        maps.extend(assemble(stack, plane) for stack in reversed(features[plane].maps))
    return tuple(maps)
