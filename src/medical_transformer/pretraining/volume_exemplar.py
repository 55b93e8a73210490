"""The 3-D exemplar: a whole scan is nearer to its augmented self than to another subject's scan.

Taleb et al., "3D Self-Supervised Methods for Medical Imaging", as in the authors' public code: a code of 1024
sigmoids, mean squared distances, margin 1. That code builds a layer of its own for anchor, positive and negative,
which is hardly meant; here one is shared, and three are an option.
"""

from collections.abc import Iterable, Mapping

import torch
from jaxtyping import Float
from torch import Tensor, nn

from medical_transformer.contracts import Backbone
from medical_transformer.pretraining.exemplar import UnlabelledBatch, draw_negatives
from medical_transformer.pretraining.pretext import NEGATIVES, Pretext, mean_of, refuse_collapse, relative_spread
from medical_transformer.pretraining.turning import apply_turns, draw_turns
from medical_transformer.shapes import ScanVectors


class VolumeExemplar(Pretext[UnlabelledBatch]):
    """Triplet loss on whole scans; the anchor is augmented, and the negative is another subject's scan.

    Args:
        backbone: encodes whole scans.
        margin: of the triplet loss.
        code_size: sigmoids of a code.
        separate_layers: whether anchor, positive and negative are coded by layers of their own.
    """

    needs_other_subjects = True
    needs_two = NEGATIVES

    def __init__(
        self, backbone: Backbone, *, margin: float = 1.0, code_size: int = 1024, separate_layers: bool = False
    ) -> None:
        super().__init__()
        self.backbone, self.margin = backbone, margin
        layers = 3 if separate_layers else 1
        self.coders = nn.ModuleList([nn.Linear(backbone.feature_size, code_size) for _ in range(layers)])
        self.chance = {"loss": margin, "triplet_accuracy": 0.5}

    def forward(self, batch: UnlabelledBatch, generator: torch.Generator) -> Tensor:
        """Return the mean loss; negatives come from the same batch and never from the same subject."""
        anchors, originals = self._encode_pairs(batch, generator)
        negatives = draw_negatives(batch.subjects, generator)
        near, far = self._distances(anchors, originals, negatives)
        return (near - far + self.margin).clamp_min(0).mean()

    def validate(self, batches: Iterable[UnlabelledBatch], generator: torch.Generator) -> Mapping[str, float]:
        """Return the loss, and how often the augmented scan lies nearer than the other subject's.

        Raises:
            TrainingError: if all scans belong to one subject.
            CollapseError: if all scans are encoded alike.
        """
        subjects: list[str] = []
        pairs = []
        for batch in batches:
            subjects.extend(batch.subjects)
            pairs.append(self._encode_pairs(batch, generator))
        anchors, originals = (torch.cat([pair[side] for pair in pairs]) for side in (0, 1))
        near, far = self._distances(anchors, originals, draw_negatives(subjects, generator))
        refuse_collapse([relative_spread(originals)])
        losses = (near - far + self.margin).clamp_min(0)
        return {"loss": mean_of([losses]), "triplet_accuracy": mean_of([(near < far).float()])}

    def _encode_pairs(self, batch: UnlabelledBatch, generator: torch.Generator) -> tuple[ScanVectors, ScanVectors]:
        """Encode scans augmented and as they are."""
        turned = apply_turns(batch.volumes, draw_turns(len(batch.volumes), generator))
        return self.backbone(turned).vector, self.backbone(batch.volumes).vector

    def _distances(
        self, anchors: ScanVectors, originals: ScanVectors, negatives: Tensor
    ) -> tuple[Float[Tensor, "batch"], Float[Tensor, "batch"]]:
        """Return how far each anchor lies from its positive and from its negative."""
        anchor, positive, negative = (
            self.coders[place % len(self.coders)](vectors).sigmoid()
            for place, vectors in enumerate((anchors, originals, originals[negatives.to(originals.device)]))
        )
        return (anchor - positive).square().mean(dim=1), (anchor - negative).square().mean(dim=1)
