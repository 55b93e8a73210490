"""What patch location, rotation and jigsaw share: recognise which of several things was done to a scan."""

import math
from abc import abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional

from medical_transformer.contracts import Backbone
from medical_transformer.pretraining.exemplar import UnlabelledBatch
from medical_transformer.pretraining.patches import Patches
from medical_transformer.pretraining.pretext import Pretext, mean_of, refuse_collapse, relative_spread
from medical_transformer.shapes import VolumeBatch

Answers = Int[Tensor, "batch"]


@dataclass(frozen=True, slots=True)
class Question:
    """What the network is shown, and what it should recognise.

    Attributes:
        parts: one or more pieces of every scan, in an order that matters.
        answers: the class of each scan.
    """

    parts: Patches
    answers: Answers


class Recognition(Pretext[UnlabelledBatch]):
    """Cross-entropy of a small network on the backbone's vectors of all parts, side by side.

    Args:
        backbone: encodes every part by itself.
        parts: how many the network is shown.
        classes: how many answers there are.
    """

    needs_two = "the batch normalisation of its projection has no spread over one scan"

    def __init__(self, backbone: Backbone, *, parts: int, classes: int) -> None:
        super().__init__()
        self.backbone = backbone
        self.top = projection(parts * backbone.feature_size, classes)
        self.chance = {"loss": math.log(classes), "accuracy": 1 / classes}

    @abstractmethod
    def ask(self, volumes: VolumeBatch, generator: torch.Generator) -> Question:
        """Draw a question about every scan."""

    def forward(self, batch: UnlabelledBatch, generator: torch.Generator) -> Tensor:
        """Return the cross-entropy of a batch."""
        question = self.ask(batch.volumes, generator)
        return functional.cross_entropy(self.top(self._encode(question.parts).flatten(1)), question.answers)

    def validate(self, batches: Iterable[UnlabelledBatch], generator: torch.Generator) -> Mapping[str, float]:
        """Return cross-entropy and the share of right answers.

        Raises:
            CollapseError: if all parts are encoded alike.
        """
        losses, hits, seen = [], [], []
        for batch in batches:
            question = self.ask(batch.volumes, generator)
            vectors = self._encode(question.parts)
            scores = self.top(vectors.flatten(1))
            losses.append(functional.cross_entropy(scores, question.answers, reduction="none"))
            hits.append((scores.argmax(dim=1) == question.answers).float())
            seen.append(vectors.flatten(0, 1))
        refuse_collapse([relative_spread(torch.cat(seen))])
        return {"loss": mean_of(losses), "accuracy": mean_of(hits)}

    def _encode(self, parts: Patches) -> Float[Tensor, "batch patch feature"]:
        vectors = self.backbone(parts.flatten(0, 1)).vector
        return vectors.view(*parts.shape[:2], -1)


def projection(features: int, outputs: int) -> nn.Sequential:
    """Return the published top: twice a layer, ReLU, batch normalisation and dropout, then a linear layer.

    The normalisation's constants are those of the published code's framework.
    """
    layers: list[nn.Module] = []
    for width in (2048, 1024):
        norm = nn.BatchNorm1d(width, eps=1e-3, momentum=0.01)
        layers += [nn.Linear(features, width), nn.ReLU(), norm, nn.Dropout(0.5)]
        features = width
    return nn.Sequential(*layers, nn.Linear(features, outputs))
