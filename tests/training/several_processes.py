"""What `torchrun` starts in the test of several processes: a short run of each kind, and what came out.

Its arguments: the file that process 0 writes.
"""

import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch

from medical_transformer.backbones import MedicalTransformer, MedicalTransformerConfig
from medical_transformer.contracts import Objective
from medical_transformer.pretraining import Exemplar, UnlabelledBatch
from medical_transformer.tasks import LabelledBatch, Segmentation, TaskModel, TaskObjective
from medical_transformer.training import TrainingConfig, fit
from medical_transformer.training.fit import Split

SHAPE = (16, 20, 12)
SMALL = MedicalTransformerConfig(width=4, embedding=8, feed_forward=12, heads=2, head_size=5, dropout=0.2)
TUMOUR = Segmentation(values=(1, 2), regions={"both": (1, 2)})
# Batches of three and two scans: shares of two processes are uneven, and one scan is encoded by both.
SPLIT = Split((0, 1, 2, 3, 4), (5, 6))
CONFIG = TrainingConfig(epochs=2, batch_size=3, learning_rate=1e-3, device="cpu", seed=4)


class Drawn:
    """Scans that their place decides, with or without label maps."""

    def __init__(self, *, labelled: bool) -> None:
        self.labelled = labelled

    def load(self, items: list[int], draws: torch.Generator | None) -> Any:
        """Draw scans."""
        generators = [torch.Generator().manual_seed(item) for item in items]
        volumes = torch.stack([torch.rand((1, *SHAPE), generator=generator) for generator in generators])
        if not self.labelled:
            return UnlabelledBatch(volumes, tuple(f"sub-{item}" for item in items))
        return LabelledBatch(volumes, (volumes[:, 0] * 3).long())

    def names(self, items: Sequence[int]) -> list[str]:
        """Name scans."""
        return [str(item) for item in items]


def objectives() -> Iterator[tuple[Objective[Any], Drawn]]:
    torch.manual_seed(0)
    yield Exemplar(MedicalTransformer(SMALL), inverting=0.5), Drawn(labelled=False)
    yield TaskObjective(TaskModel(MedicalTransformer(SMALL), TUMOUR)), Drawn(labelled=True)


def learn(folder: Path | None = None) -> list[list[float]]:
    """Return per kind of run the losses of all epochs, and the size of every weight's gradient in the last step.

    Adam hardly notices gradients that are wrong by a factor, so that losses alone would not tell.
    """
    found = []
    for number, (objective, source) in enumerate(objectives()):
        fitted = fit(objective, source, SPLIT, CONFIG, folder=None if folder is None else folder / str(number))
        records = fitted.journal.records
        losses = [loss for record in records for loss in (record.training_loss, record.number("loss"))]
        found.append(losses + [float(weight.grad.norm()) for weight in objective.parameters()])
    return found


if __name__ == "__main__":
    torch.set_num_threads(1)
    out = Path(sys.argv[1])
    found = learn(out.parent)
    if torch.distributed.get_rank() == 0:
        out.write_text(json.dumps({"processes": torch.distributed.get_world_size(), "learnt": found}))
