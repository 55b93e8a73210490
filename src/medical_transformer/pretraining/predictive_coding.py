"""Contrastive predictive coding (CPC) in 3-D: which patches lie further on in this scan?

Taleb et al., "3D Self-Supervised Methods for Medical Imaging", with the constants of the authors' public code: a
pyramid of ten context patches, a GRU, and one linear prediction for each of the two patches that follow. That code
asks of a pair of patches whether they belong to the context (binary cross-entropy); the paper's words are InfoNCE.
Both are here, the first by default. Negatives come from other subjects only.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional

from medical_transformer.contracts import Backbone
from medical_transformer.pretraining.coding_patches import COLUMNS, CONTEXT, FUTURE, cut_cells, draw_cells
from medical_transformer.pretraining.exemplar import UnlabelledBatch, of_others
from medical_transformer.pretraining.pretext import NEGATIVES, Pretext, mean_of, refuse_collapse, relative_spread
from medical_transformer.shapes import VolumeBatch

MEMORY = 256

Codes = Float[Tensor, "batch cell code"]
Futures = Float[Tensor, "batch column future code"]
Scores = Float[Tensor, "sample candidate"]


class PredictiveCoding(Pretext[UnlabelledBatch]):
    """Predict the codes of the two patches that follow a context, and tell them from those of other subjects.

    Args:
        backbone: encodes each patch by itself.
        code_size: features of a patch's code.
        loss: `binary` as in the authors' code, one negative per context; `infonce` as in their paper.
        negatives: of each context, for `infonce`.
    """

    needs_other_subjects = True
    needs_two = NEGATIVES

    def __init__(
        self,
        backbone: Backbone,
        *,
        code_size: int = 1024,
        loss: Literal["binary", "infonce"] = "binary",
        negatives: int = 15,
    ) -> None:
        super().__init__()
        self.backbone, self.loss = backbone, loss
        self.negatives = 1 if loss == "binary" else negatives
        self.code = nn.Linear(backbone.feature_size, code_size)
        self.memory = nn.GRU(code_size, MEMORY, batch_first=True)
        self.predict = nn.ModuleList([nn.Linear(MEMORY, code_size) for _ in range(FUTURE.shape[1])])
        self.chance = {
            "loss": math.log(2) if loss == "binary" else math.log(1 + negatives),
            "accuracy": 1 / 2 if loss == "binary" else 1 / (1 + negatives),
        }

    def forward(self, batch: UnlabelledBatch, generator: torch.Generator) -> Tensor:
        """Return the loss over all contexts of a batch."""
        codes = self._encode(batch.volumes, generator)
        return self._losses(self._score(codes, batch.subjects, generator)).mean()

    def validate(self, batches: Iterable[UnlabelledBatch], generator: torch.Generator) -> Mapping[str, float]:
        """Return the loss and the share of right decisions; negatives come from all batches.

        Raises:
            TrainingError: if all scans belong to one subject.
            CollapseError: if all patches are encoded alike.
        """
        subjects: list[str] = []
        parts = []
        for batch in batches:
            subjects.extend(batch.subjects)
            parts.append(self._encode(batch.volumes, generator))
        codes = torch.cat(parts)
        refuse_collapse([relative_spread(codes.flatten(0, 1))])
        scores = self._score(codes, subjects, generator)
        return {"loss": mean_of([self._losses(scores)]), "accuracy": mean_of([self._hits(scores)])}

    def _encode(self, volumes: VolumeBatch, generator: torch.Generator) -> Codes:
        patches = cut_cells(volumes, draw_cells(len(volumes), volumes.shape[2:], generator))
        vectors = self.backbone(patches.flatten(0, 1)).vector
        codes: Tensor = self.code(vectors)
        return codes.view(*patches.shape[:2], -1)

    def _score(self, codes: Codes, subjects: Sequence[str], generator: torch.Generator) -> Scores:
        """Compare every context's prediction with what follows (first candidate) and with what follows elsewhere."""
        predicted = self._predict(codes)
        truth = codes[:, FUTURE.to(codes.device)]
        scans, columns = draw_elsewhere(subjects, self.negatives, generator)
        elsewhere = truth[scans.to(codes.device), columns.to(codes.device)]
        candidates = torch.cat([truth[:, :, None], elsewhere], dim=2)
        # Mean over predicted places and code dimensions, as published.
        return (predicted[:, :, None] * candidates).mean(dim=(-2, -1)).flatten(0, 1)

    def _predict(self, codes: Codes) -> Futures:
        context = codes[:, CONTEXT.to(codes.device)].flatten(0, 1)
        _, last = self.memory(context)
        futures = torch.stack([layer(last[0]) for layer in self.predict], dim=1)
        return futures.view(len(codes), COLUMNS, *futures.shape[1:])

    def _losses(self, scores: Scores) -> Float[Tensor, "sample"]:
        if self.loss == "infonce":
            return -functional.log_softmax(scores, dim=1)[:, 0]
        return functional.binary_cross_entropy_with_logits(scores, _truth(scores), reduction="none").mean(dim=1)

    def _hits(self, scores: Scores) -> Float[Tensor, "_decision"]:
        if self.loss == "infonce":
            return (scores[:, 0] > scores[:, 1:].amax(dim=1)).float()
        return ((scores > 0).float() == _truth(scores)).float().flatten()


def draw_elsewhere(
    subjects: Sequence[str], negatives: int, generator: torch.Generator
) -> tuple[Int[Tensor, "batch column negative"], Int[Tensor, "batch column negative"]]:
    """Draw, for every context, scans of other subjects and a column in each.

    Raises:
        TrainingError: if all scans belong to one subject.
    """
    scans = torch.multinomial(of_others(subjects), COLUMNS * negatives, replacement=True, generator=generator)
    scans = scans.view(len(subjects), COLUMNS, negatives)
    return scans, torch.randint(COLUMNS, scans.shape, generator=generator)


def _truth(scores: Scores) -> Scores:
    truth = torch.zeros_like(scores)
    truth[:, 0] = 1
    return truth
