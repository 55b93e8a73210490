"""The transformer that relates the slices of a plane (paper section 3.3.1, Eq. 2 and 3)."""

import math
from collections.abc import Mapping

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from medical_transformer.backbones.medical_transformer.config import MedicalTransformerConfig
from medical_transformer.shapes import Encodings
from medical_transformer.slices import Plane


class PlaneTransformer(nn.Module):
    """Position and segment codes, then layers of attention among slices."""

    def __init__(self, config: MedicalTransformerConfig) -> None:
        super().__init__()
        self.config = config
        owners = ["shared"] if config.shared_transformer or config.across_planes else list(Plane)
        self.layers = nn.ModuleDict({owner: _layers(config) for owner in owners})
        self.norm = nn.LayerNorm(config.embedding)
        self.segments = nn.Parameter(torch.empty(len(Plane), config.embedding))
        nn.init.normal_(self.segments, std=0.02)

    def forward(self, vectors: Mapping[Plane, Encodings]) -> dict[Plane, Encodings]:
        """Let every slice look at the others of its plane (or of all planes)."""
        coded = {plane: self._code(plane, encodings) for plane, encodings in vectors.items()}
        if self.config.across_planes:
            return self._relate_across(coded)
        return {plane: self.norm(self._layers_of(plane)(encodings)) for plane, encodings in coded.items()}

    def _code(self, plane: Plane, vectors: Encodings) -> Encodings:
        """Scale the vectors and tell each slice where it is and to which plane it belongs."""
        places = position_codes(vectors.shape[1], self.config.embedding, base=self.config.position_base)
        segment = self.segments[plane.axis]
        return vectors * math.sqrt(self.config.embedding) + places.to(vectors) + segment

    def _layers_of(self, plane: Plane) -> nn.Module:
        return self.layers["shared" if "shared" in self.layers else plane]

    def _relate_across(self, coded: Mapping[Plane, Encodings]) -> dict[Plane, Encodings]:
        together = self.norm(self.layers["shared"](torch.cat(list(coded.values()), dim=1)))
        parts = together.split([encodings.shape[1] for encodings in coded.values()], dim=1)
        return dict(zip(coded, parts, strict=True))


class TransformerLayer(nn.Module):
    """Attention and a feed-forward network, each added to a normalised input (pre-norm)."""

    def __init__(self, config: MedicalTransformerConfig) -> None:
        super().__init__()
        inner = config.heads * config.head_size
        self.heads, self.dropout = config.heads, config.dropout
        self.attention_norm = nn.LayerNorm(config.embedding)
        self.query = nn.Linear(config.embedding, inner)
        self.key = nn.Linear(config.embedding, inner)
        self.value = nn.Linear(config.embedding, inner)
        self.out = nn.Linear(inner, config.embedding)
        self.feed_forward_norm = nn.LayerNorm(config.embedding)
        self.feed_forward = FeedForward(config)

    def forward(self, vectors: Encodings) -> Encodings:
        """Relate the slices, then refine each."""
        related = self._attend(self.attention_norm(vectors))
        vectors = vectors + functional.dropout(related, self.dropout, self.training)
        refined: Tensor = self.feed_forward(self.feed_forward_norm(vectors))
        return vectors + functional.dropout(refined, self.dropout, self.training)

    def _attend(self, vectors: Encodings) -> Encodings:
        query, key, value = (
            project(vectors).unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for project in (self.query, self.key, self.value)
        )
        dropout = self.dropout if self.training else 0.0
        attended = functional.scaled_dot_product_attention(query, key, value, dropout_p=dropout)
        related: Tensor = self.out(attended.transpose(1, 2).flatten(2))
        return related


class Equation2Layer(nn.Module):
    """Eq. 2 and 3 to the letter: attention of the encodings to themselves, without projections or norms."""

    def __init__(self, config: MedicalTransformerConfig) -> None:
        super().__init__()
        self.feed_forward = FeedForward(config)

    def forward(self, vectors: Encodings) -> Encodings:
        """Relate the slices (Eq. 2), then refine each (Eq. 3)."""
        vectors = vectors + functional.scaled_dot_product_attention(vectors, vectors, vectors)
        refined: Tensor = self.feed_forward(vectors)
        return vectors + refined


class FeedForward(nn.Module):
    """Two point-wise linear maps with a ReLU between (F_1 and F_2 of Eq. 3)."""

    def __init__(self, config: MedicalTransformerConfig) -> None:
        super().__init__()
        self.expand = nn.Linear(config.embedding, config.feed_forward)
        self.contract = nn.Linear(config.feed_forward, config.embedding)
        self.dropout = config.dropout

    def forward(self, vectors: Encodings) -> Encodings:
        """Refine every slice on its own."""
        hidden = functional.dropout(functional.relu(self.expand(vectors)), self.dropout, self.training)
        refined: Tensor = self.contract(hidden)
        return refined


def position_codes(slices: int, embedding: int, *, base: float) -> Float[Tensor, "slice embedding"]:
    """Return sinusoidal position codes: sines in even features, cosines in odd ones (reference 16, section 3.5)."""
    place = torch.arange(slices, dtype=torch.float64)[:, None]
    wave = base ** (-torch.arange(0, embedding, 2, dtype=torch.float64) / embedding)
    return torch.stack([torch.sin(place * wave), torch.cos(place * wave)], dim=-1).flatten(1).float()


def _layers(config: MedicalTransformerConfig) -> nn.Sequential:
    layer = TransformerLayer if config.attention == "projected" else Equation2Layer
    return nn.Sequential(*[layer(config) for _ in range(config.layers)])
