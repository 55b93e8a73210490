"""The journal of a run: a row per epoch."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from medical_transformer.cohorts.tables import write_table


@dataclass(frozen=True, slots=True, kw_only=True)
class EpochRecord:
    """What one epoch of training left in the journal.

    Attributes:
        epoch: counted from 1.
        training_loss: mean over the epoch's steps.
        validation_loss: mean over the validation scans; the loop always validates.
        metrics: further scores on the validation scans.
        learning_rate: of the epoch.
        seconds: wall-clock time, the one field that a repeated run does not reproduce.
    """

    epoch: int
    training_loss: float
    validation_loss: float
    metrics: Mapping[str, float] = field(default_factory=dict)
    learning_rate: float
    seconds: float

    def number(self, name: str) -> float:
        """Return a validation number; `loss` is the validation loss."""
        return self.validation_loss if name == "loss" else self.metrics[name]


@dataclass(slots=True)
class Journal:
    """Epochs of a run, in order."""

    records: list[EpochRecord] = field(default_factory=list)

    def best(self, number: str, *, larger: bool) -> EpochRecord:
        """Return the first epoch with the best validation number."""
        sign = -1 if larger else 1
        return min(self.records, key=lambda record: (sign * record.number(number), record.epoch))

    def save(self, path: Path) -> None:
        """Write a tab-separated table."""
        if not self.records:
            return
        names = ("loss", *self.records[0].metrics)
        columns = (
            "epoch",
            "training_loss",
            *(f"validation_{name}" for name in names),
            "learning_rate",
            "seconds",
        )
        write_table(path, columns, (_row(record, names) for record in self.records))

    def as_json(self) -> list[dict[str, Any]]:
        """Return the records as plain values."""
        return [asdict(record) for record in self.records]

    @classmethod
    def from_json(cls, values: list[dict[str, Any]]) -> "Journal":
        """Undo `as_json`."""
        return cls([EpochRecord(**value) for value in values])


def _row(record: EpochRecord, names: tuple[str, ...]) -> list[str]:
    numbers = [record.training_loss, *(record.number(name) for name in names), record.learning_rate]
    return [str(record.epoch), *(f"{number:.6g}" for number in numbers), f"{record.seconds:.2f}"]
