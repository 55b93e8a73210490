"""Telling classes apart: a diagnosis, a sex, an age group."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor
from torch.nn import functional

from medical_transformer.cohorts import Scan
from medical_transformer.errors import CohortError
from medical_transformer.tasks.task import Answer, balanced_weights
from medical_transformer.tasks.vector_task import VectorTask


class Classification(VectorTask):
    """Predict one of several classes with cross-entropy."""

    kind: Literal["classification"] = "classification"
    classes: Annotated[tuple[str, ...], Field(min_length=2, description="Classes in the order of the outputs.")]
    balanced: Annotated[bool, Field(description="Weigh classes inversely to how often they occur.")] = False

    @property
    def outputs(self) -> int:
        """One score per class."""
        return len(self.classes)

    def targets(self, scans: Sequence[Scan]) -> Tensor:
        """Return the class index of each scan.

        Raises:
            CohortError: naming the first scan whose label is missing or is no known class.
        """
        for scan in scans:
            if self.label not in scan.labels or self.truth(scan) not in self.classes:
                found = scan.labels.get(self.label, "nothing")
                raise CohortError(
                    f"Scan {scan.name!r}: label {self.label!r} is {found!r}; expected one of {self.classes}."
                )
        return torch.tensor([self.classes.index(self.truth(scan)) for scan in scans])

    def truth(self, scan: Scan) -> str:
        """Return the class of a scan; a number that is used as a class is written out."""
        return str(scan.labels[self.label])

    def loss(self, outputs: Tensor, targets: Tensor, weights: Tensor | None) -> Tensor:
        """Return the cross-entropy."""
        return functional.cross_entropy(outputs, targets, weight=weights)

    def scores(self, outputs: Tensor, targets: Tensor) -> Mapping[str, float]:
        """Count the scans that are classified correctly."""
        return {"accuracy": float((outputs.argmax(dim=1) == targets).sum())}

    def answers(self, outputs: Tensor) -> list[Answer]:
        """Return the likeliest class and all probabilities."""
        answers = []
        for row in outputs.double().softmax(dim=1).tolist():
            probabilities = dict(zip(self.classes, row, strict=True))
            answers.append(Answer(max(probabilities, key=probabilities.__getitem__), probabilities))
        return answers

    def loss_weights(self, targets: Tensor) -> Tensor | None:
        """Return balanced class weights where they were asked for."""
        return balanced_weights(targets, self.outputs) if self.balanced else None
