"""What a run that has ended left, without the objective and the data that it came of."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from medical_transformer.contracts import Objective
from medical_transformer.training.checkpoint import CHECKPOINT, load_last_checkpoint
from medical_transformer.training.config import TrainingConfig
from medical_transformer.training.devices import build_fabric
from medical_transformer.training.fit import Fitted


@dataclass(frozen=True, slots=True)
class Ended:
    """A run with nothing left to train.

    Attributes:
        fitted: journal and best epoch.
        best: the objective's tensors of that epoch.
    """

    fitted: Fitted
    best: Mapping[str, Tensor]


def take_ended(kind: type[Objective[Any]], config: TrainingConfig, folder: Path, identity: str) -> Ended | None:
    """Return what `fit` would return of a run that has ended; None of one that goes on or has not begun.

    Args:
        kind: of objective; it says which epoch is the best.
        config: of the run.
        folder: where its checkpoint is kept.
        identity: names the run's settings and data.

    Raises:
        TrainingError: if the checkpoint is damaged or belongs to a run with other settings or data.
    """
    left = load_last_checkpoint(folder / CHECKPOINT, identity)
    if left is None:
        return None
    best, journal = left
    if build_fabric(config).is_global_zero:
        journal.save(folder / "journal.tsv")  # a run that stopped between its checkpoint and its journal has an old one
    return Ended(Fitted(journal, journal.best(kind.selection, larger=kind.larger_is_better)), best)
