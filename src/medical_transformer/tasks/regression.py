"""Predicting a number: an age."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from medical_transformer.cohorts import Scan
from medical_transformer.errors import CohortError
from medical_transformer.tasks.heads import VectorHead
from medical_transformer.tasks.task import Answer
from medical_transformer.tasks.vector_task import VectorTask


class Regression(VectorTask):
    """Predict a number in its own unit.

    The head's output is scaled by the mean and the spread of the training targets, and the loss is taken in
    units of that spread, so that one learning rate suits ages as well as volumes.
    """

    kind: Literal["regression"] = "regression"
    unit: Annotated[str, Field(description="Unit of the label, such as years.")] = ""
    error: Annotated[Literal["absolute", "squared"], Field(description="L1 or L2 loss.")] = "absolute"

    @property
    def outputs(self) -> int:
        """One number."""
        return 1

    def prepare_head(self, head: nn.Module, targets: Tensor) -> None:
        """Centre and scale the head on the training targets."""
        assert isinstance(head, VectorHead)
        head.centre.copy_(targets.mean(dim=0))
        head.scale.copy_(targets.std(dim=0, correction=0).clamp_min(1e-6))

    def targets(self, scans: Sequence[Scan]) -> Tensor:
        """Return the number of each scan, one per row.

        Raises:
            CohortError: naming the first scan whose label is missing or is no number.
        """
        for scan in scans:
            if not isinstance(scan.labels.get(self.label), float | int):
                found = scan.labels.get(self.label, "missing")
                raise CohortError(f"Scan {scan.name!r}: label {self.label!r} is {found!r}; expected a number.")
        return torch.tensor([[float(scan.labels[self.label])] for scan in scans])

    def loss(self, outputs: Tensor, targets: Tensor, weights: Tensor | None) -> Tensor:
        """Return the error in units of the training targets' spread, whose inverse `weights` is."""
        scale = 1.0 if weights is None else weights
        measure = functional.l1_loss if self.error == "absolute" else functional.mse_loss
        return measure(outputs * scale, targets * scale)

    def scores(self, outputs: Tensor, targets: Tensor) -> Mapping[str, float]:
        """Sum the absolute errors, in the label's unit."""
        return {"mae": float((outputs - targets).abs().sum())}

    def answers(self, outputs: Tensor) -> list[Answer]:
        """Return the number."""
        return [Answer(float(number), {}) for number in outputs[:, 0]]

    def loss_weights(self, targets: Tensor) -> Tensor | None:
        """Return one over the spread of the training targets."""
        return 1 / targets.std(dim=0, correction=0).clamp_min(1e-6)
