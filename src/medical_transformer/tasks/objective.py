"""Fine-tuning: the task's loss on a model, and what to watch on the validation scans."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from medical_transformer.contracts import Objective
from medical_transformer.errors import CollapseError
from medical_transformer.shapes import ScanNumbers, VolumeBatch
from medical_transformer.tasks.heads import VectorHead
from medical_transformer.tasks.model import TaskModel

# Answers that differ by less, relative to their size, differ by rounding only.
COLLAPSED = 1e-6
# Which validation number decides for each kind of task, and whether more is better.
SELECTION = {"classification": ("loss", False), "regression": ("mae", False), "segmentation": ("dice", True)}


@dataclass(frozen=True, slots=True)
class LabelledBatch:
    """Scans with what is to be predicted: class indices, numbers or class maps.

    `log_icv` is there where a task reads it.
    """

    volumes: VolumeBatch
    targets: Tensor
    log_icv: ScanNumbers | None = None

    def to(self, device: torch.device) -> "LabelledBatch":
        """Move the batch to a device."""
        log_icv = None if self.log_icv is None else self.log_icv.to(device)
        return LabelledBatch(self.volumes.to(device), self.targets.to(device), log_icv)


class TaskObjective(Objective[LabelledBatch]):
    """A task's loss on its model.

    Args:
        model: what is trained.
        weights: what the loss weighs errors with (`Task.loss_weights`).
        settled: whether the head was fitted to scans that its standardisation was taken from.
    """

    weights: Tensor | None

    def __init__(self, model: TaskModel, weights: Tensor | None = None, *, settled: bool = False) -> None:
        super().__init__()
        self.model, self.settled = model, settled
        self.register_buffer("weights", weights, persistent=False)
        self.selection, self.larger_is_better = SELECTION[model.task.kind]

    def forward(self, batch: LabelledBatch, generator: torch.Generator) -> Tensor:
        """Return the task's loss."""
        return self.model.task.loss(self.model(batch.volumes, batch.log_icv), batch.targets, self.weights)

    def settle(self, batches: Iterable[LabelledBatch]) -> None:
        """Bring the head's standardisation up to date with the backbone."""
        head = self.model.head
        if isinstance(head, VectorHead) and head.standardisation is not None:
            vectors = [self.model.encode(batch.volumes, batch.log_icv).vector for batch in batches]
            head.standardisation.settle(torch.cat(vectors))

    def validate(self, batches: Iterable[LabelledBatch], generator: torch.Generator) -> Mapping[str, float]:
        """Return the mean over scans of the loss and of the task's scores.

        Raises:
            CollapseError: if a vector task answers the same to every scan.
        """
        sums: Counter[str] = Counter()
        count, answers = 0, []
        for batch in batches:
            outputs = self.model(batch.volumes, batch.log_icv)
            loss = float(self.model.task.loss(outputs, batch.targets, self.weights))
            sums.update({"loss": loss * len(outputs), **self.model.task.scores(outputs, batch.targets)})
            count += len(outputs)
            answers.append(outputs if outputs.ndim == 2 else outputs[:0].flatten(1))
        _refuse_collapse(torch.cat(answers))
        return {name: total / count for name, total in sums.items()}


def _refuse_collapse(answers: Tensor) -> None:
    # Two scans may happen to be alike; three different ones are told apart by more than rounding.
    spread = float((answers - answers[:1]).abs().sum())
    if len(answers) > 2 and spread <= COLLAPSED * float(answers.abs().sum()):
        raise CollapseError(
            f"The network answers {answers[0].tolist()} to all {len(answers)} validation scans: its encoder has "
            "collapsed. Lower the learning rate, or check that the scans differ."
        )
