"""The transformer that relates the slices of a plane (paper section 3.3.1, Eq. 2 and 3)."""

import functools
import math
from collections.abc import Mapping
from typing import cast

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from medical_transformer.backbones.medical_transformer.config import MedicalTransformerConfig
from medical_transformer.backbones.medical_transformer.question import Question, ask
from medical_transformer.shapes import AskedEncodings, Encodings, Places
from medical_transformer.slices import Plane


class PlaneTransformer(nn.Module):
    """Position and segment codes, then layers of attention among slices."""

    def __init__(self, config: MedicalTransformerConfig) -> None:
        super().__init__()
        self.config = config
        owners = ["shared"] if config.shared_transformer else list(Plane)
        self.layers = nn.ModuleDict({owner: _layers(config) for owner in owners})
        self.norm = nn.LayerNorm(config.embedding)
        self.segments = nn.Parameter(torch.empty(len(Plane), config.embedding))
        nn.init.normal_(self.segments, std=0.02)

    def forward(
        self, vectors: Mapping[Plane, Encodings], asked: Mapping[Plane, Places] | None = None
    ) -> dict[Plane, AskedEncodings]:
        """Let every slice look at the others of its plane (or of all planes).

        Args:
            vectors: the slices' vectors.
            asked: the slices whose related vectors are wanted, in the order wanted; all without it. Their values are
                the same, but the last layer does only what they need (`docs/decisions/0019`).
        """
        coded = {plane: self._code(plane, encodings) for plane, encodings in vectors.items()}
        if asked is not None:
            return self._answer(coded, asked)
        if self.config.across_planes:
            return self._relate_across(coded)
        return {plane: self._relate(encodings, self._layers_of(plane)) for plane, encodings in coded.items()}

    def _code(self, plane: Plane, vectors: Encodings) -> Encodings:
        """Scale the vectors and tell each slice where it is and to which plane it belongs."""
        places = _places_like(vectors.shape[1], self.config, vectors.dtype, vectors.device)
        segment = self.segments[plane.axis]
        return vectors * math.sqrt(self.config.embedding) + places + segment

    def _layers_of(self, plane: Plane) -> nn.ModuleList:
        return cast(nn.ModuleList, self.layers["shared" if "shared" in self.layers else plane])

    def _relate(self, vectors: Encodings, layers: nn.ModuleList) -> Encodings:
        for layer in layers:
            vectors = layer(vectors)
        related: Tensor = self.norm(vectors)
        return related

    def _relate_across(self, coded: Mapping[Plane, Encodings]) -> dict[Plane, Encodings]:
        together = self._relate(torch.cat(list(coded.values()), dim=1), self._layers_of(Plane.SAGITTAL))
        parts = together.split_with_sizes([encodings.shape[1] for encodings in coded.values()], dim=1)
        return dict(zip(coded, parts, strict=True))

    def _answer(self, coded: Mapping[Plane, Encodings], asked: Mapping[Plane, Places]) -> dict[Plane, AskedEncodings]:
        """Relate the slices that are asked for; planes that share their layers go through the last one together."""
        groups = [tuple(coded)] if "shared" in self.layers else [(plane,) for plane in coded]
        answers: dict[Plane, AskedEncodings] = {}
        for planes in groups:
            question = ask([coded[plane].shape[1] for plane in planes], [asked[plane] for plane in planes])
            vectors = torch.cat([coded[plane] for plane in planes], dim=1)
            *earlier, last = cast(list[TransformerLayer | Equation2Layer], list(self._layers_of(planes[0])))
            seen = question.one_sequence() if self.config.across_planes else question
            for layer in earlier:
                vectors = torch.cat([layer(part) for part in seen.sequences(vectors)], dim=1)
            related = self.norm(last.answer(vectors, seen))
            answers |= dict(zip(planes, question.answers(related), strict=True))
        return answers


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
        return self._add(vectors, self._attend(self.attention_norm(vectors)))

    def answer(self, vectors: Encodings, question: Question) -> AskedEncodings:
        """Relate and refine only the slices that are asked for."""
        return self._add(question.take(vectors), self._attend_from(self.attention_norm(vectors), question))

    def _add(self, vectors: Encodings, related: Encodings) -> Encodings:
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

    def _attend_from(self, vectors: Encodings, question: Question) -> AskedEncodings:
        """Attend from a few slices, without queries, keys and values.

        A query times a key, (Q y) (K x), is y (Q K) x, and what is put out of weighted values, O sum p (V x), is
        (O V) sum p x. The products of two maps are the same for all slices of a batch, and smaller than the maps
        where a head is larger than a vector. Biases are weights of a feature that is 1 in every slice.
        """
        query, key, value = (self._of_heads(project) for project in (self.query, self.key, self.value))
        match = (query.transpose(1, 2) @ key / math.sqrt(key.shape[1])).transpose(0, 1).flatten(1)
        carry = value.transpose(1, 2) @ self.out.weight.view(vectors.shape[2], self.heads, -1).permute(1, 2, 0)
        known = functional.pad(vectors, (0, 1), value=1.0)
        wanted = (question.take(known) @ match).view(len(known), -1, self.heads, known.shape[2])
        pairs = zip(question.answers(wanted), question.sequences(known), strict=True)
        sums = torch.cat([self._weigh(wanted, known) for wanted, known in pairs], dim=1)
        related: Tensor = functional.linear(sums.flatten(2), carry.flatten(0, 1).T, self.out.bias)
        return related

    def _weigh(
        self, wanted: Float[Tensor, "batch asked head extended"], known: Float[Tensor, "batch slice extended"]
    ) -> Float[Tensor, "batch asked head extended"]:
        """Sum the slices of a sequence, weighted by how well they match what every head wants."""
        shares = torch.softmax(wanted.flatten(1, 2) @ known.transpose(1, 2), dim=-1)
        shares = functional.dropout(shares, self.dropout, self.training)
        return (shares @ known).view_as(wanted)

    def _of_heads(self, project: nn.Linear) -> Float[Tensor, "head size extended"]:
        return torch.cat([project.weight, project.bias[:, None]], dim=1).view(self.heads, -1, project.in_features + 1)


class Equation2Layer(nn.Module):
    """Eq. 2 and 3 to the letter: attention of the encodings to themselves, without projections or norms."""

    def __init__(self, config: MedicalTransformerConfig) -> None:
        super().__init__()
        self.feed_forward = FeedForward(config)

    def forward(self, vectors: Encodings) -> Encodings:
        """Relate the slices (Eq. 2), then refine each (Eq. 3)."""
        return self._refine(vectors + functional.scaled_dot_product_attention(vectors, vectors, vectors))

    def answer(self, vectors: Encodings, question: Question) -> AskedEncodings:
        """Relate and refine only the slices that are asked for."""
        taken = question.take(vectors)
        pairs = zip(question.answers(taken), question.sequences(vectors), strict=True)
        seen = [functional.scaled_dot_product_attention(asking, known, known) for asking, known in pairs]
        return self._refine(taken + torch.cat(seen, dim=1))

    def _refine(self, vectors: Encodings) -> Encodings:
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


@functools.lru_cache(maxsize=32)
def _places_like(
    slices: int, config: MedicalTransformerConfig, dtype: torch.dtype, device: torch.device
) -> Float[Tensor, "slice embedding"]:
    """Keep position codes from step to step, where the vectors are."""
    return position_codes(slices, config.embedding, base=config.position_base).to(device, dtype)


def _layers(config: MedicalTransformerConfig) -> nn.ModuleList:
    layer = TransformerLayer if config.attention == "projected" else Equation2Layer
    return nn.ModuleList([layer(config) for _ in range(config.layers)])
