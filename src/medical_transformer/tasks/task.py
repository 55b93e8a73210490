"""What a task is: which label, how many outputs, which loss, which answer."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated

import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor, nn

from medical_transformer.cohorts import Scan
from medical_transformer.contracts import Backbone


@dataclass(frozen=True, slots=True)
class Answer:
    """What a model says about one scan.

    Attributes:
        value: the class, or the number in the task's unit; empty for a segmentation.
        probabilities: class to probability, empty unless the task has classes.
    """

    value: float | str
    probabilities: Mapping[str, float]


class Task(BaseModel, ABC):
    """Something to predict from a scan.

    Attributes:
        label: the label of the cohort that is predicted.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    label: Annotated[str, Field(min_length=1, description="The label of the cohort that is predicted.")]

    kind: str

    @property
    @abstractmethod
    def needs_maps(self) -> bool:
        """Whether the head reads feature maps (segmentation) instead of the scan's vector."""

    @property
    @abstractmethod
    def outputs(self) -> int:
        """How many values the head predicts: per scan, or per voxel."""

    @abstractmethod
    def head(self, backbone: Backbone) -> nn.Module:
        """Build the prediction network for a backbone."""

    @abstractmethod
    def targets(self, scans: Sequence[Scan]) -> Tensor:
        """Return what is to be predicted for each scan; segmentations read their maps from the store instead."""

    def truth(self, scan: Scan) -> float | str:
        """Return the label of a scan in the words of `answers`."""
        return scan.labels[self.label]

    @abstractmethod
    def loss(self, outputs: Tensor, targets: Tensor, weights: Tensor | None) -> Tensor:
        """Return the mean loss of a batch."""

    @abstractmethod
    def scores(self, outputs: Tensor, targets: Tensor) -> Mapping[str, float]:
        """Return sums over the batch of the numbers to watch during training."""

    @abstractmethod
    def answers(self, outputs: Tensor) -> list[Answer]:
        """Turn outputs into answers, one per scan."""

    def prepare_head(self, head: nn.Module, targets: Tensor) -> None:
        """Tell the head about the training targets before training begins."""

    def loss_weights(self, targets: Tensor) -> Tensor | None:
        """Return what the loss weighs errors with, learnt from the training targets; None for no weights."""
        return None


def balanced_weights(targets: Tensor, classes: int) -> Tensor:
    """Return weights inversely proportional to how often each class occurs, 1 on average over the samples."""
    counts = torch.bincount(targets.flatten(), minlength=classes).clamp_min(1)
    return targets.numel() / (classes * counts.float())
