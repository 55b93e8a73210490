"""The training loop, the same for every objective and every network."""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, Protocol, TypeVar

import torch
from torch import Tensor

from medical_transformer.contracts import Movable, Objective
from medical_transformer.errors import NonFiniteLossError, TrainingError
from medical_transformer.training.batches import epoch_batches, even_batches, places_not_finite
from medical_transformer.training.checkpoint import (
    CHECKPOINT,
    Position,
    Progress,
    load_checkpoint,
    save_checkpoint,
    save_last_checkpoint,
)
from medical_transformer.training.config import TrainingConfig
from medical_transformer.training.devices import build_fabric
from medical_transformer.training.journal import EpochRecord, Journal
from medical_transformer.training.mixing import mix_subjects
from medical_transformer.training.optimization import build_optimizer, learning_rate
from medical_transformer.training.randomness import derive_seed, generator
from medical_transformer.training.settling import measure_norms
from medical_transformer.volumes.whole_files import clear_leftovers

# Means and variances of features over so many scans are known well enough, whatever the size of the cohort.
SETTLING_SCANS = 128

BatchT = TypeVar("BatchT", bound=Movable)
BatchT_co = TypeVar("BatchT_co", covariant=True)
OnEpoch = Callable[[EpochRecord], None]


class Source(Protocol[BatchT_co]):
    """Where batches come from."""

    def load(self, items: list[int], draws: torch.Generator | None) -> BatchT_co:
        """Return some items as a batch; with a generator they are varied for training."""
        ...

    def names(self, items: Sequence[int]) -> list[str]:
        """Return what to call the items in an error."""
        ...


@dataclass(frozen=True, slots=True)
class Split:
    """Which items of a source are trained on, and which choose the epoch.

    Attributes:
        training: items to learn from.
        validation: items that choose the epoch.
        owner: whose each training item is; where it is given, every batch holds items of two subjects or more.
    """

    training: tuple[int, ...]
    validation: tuple[int, ...]
    owner: Mapping[int, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Fitted:
    """What a run leaves: the objective holds the best weights; the journal tells how it got there."""

    journal: Journal
    best: EpochRecord


def fit(
    objective: Objective[BatchT],
    source: Source[BatchT],
    split: Split,
    config: TrainingConfig,
    *,
    folder: Path | None = None,
    identity: str = "",
    on_epoch: OnEpoch | None = None,
) -> Fitted:
    """Train until the epochs or the patience run out, and leave the best epoch's weights in the objective.

    Args:
        objective: what is learnt; changed in place.
        source: where batches come from.
        split: which items train and which validate.
        config: optimisation and stopping.
        folder: where checkpoint and journal are kept; a run whose checkpoint lies there is taken up again.
        identity: names the run's settings and data, so that a foreign checkpoint is refused.
        on_epoch: called after every epoch, to show progress.

    Raises:
        NonFiniteLossError: naming the scans of the batch.
        TrainingError: naming scans that hold NaN or infinity.
    """
    loop = Loop(objective, source, split, config, folder=folder, identity=identity)
    while not loop.is_done():
        record = loop.run_epoch()
        if on_epoch is not None:
            on_epoch(record)
    return loop.finish()


class Loop(Generic[BatchT]):
    """A run between its first and its last epoch."""

    def __init__(
        self,
        objective: Objective[BatchT],
        source: Source[BatchT],
        split: Split,
        config: TrainingConfig,
        *,
        folder: Path | None = None,
        identity: str = "",
    ) -> None:
        self.source, self.split, self.config, self.folder = source, split, config, folder
        self.objective, self.identity = objective, identity
        self.fabric = build_fabric(config)
        self.network, self.optimizer = self.fabric.setup(objective, build_optimizer(objective, config))
        self.journal, self.position = Journal(), Position()
        self.best: Mapping[str, Tensor] = {}
        self._saved = time.monotonic()
        self._seen: set[int] = set()  # items whose values were looked at
        if folder is not None and self.fabric.is_global_zero:
            clear_leftovers(self._checkpoint)
        if folder is not None and self._checkpoint.is_file():
            self.best, found = load_checkpoint(self._checkpoint, objective, self.optimizer, identity)
            self.journal, self.position = found.journal, found.position

    def is_done(self) -> bool:
        """Whether all epochs have run, or the patience has run out."""
        epochs = len(self.journal.records)
        return epochs >= self.config.epochs or (
            epochs > 0 and epochs - self._best_so_far().epoch >= self.config.patience
        )

    def run_epoch(self) -> EpochRecord:
        """Train on every training item once, or on those that are left of it, validate, and write the checkpoint."""
        start = time.perf_counter()
        epoch, before = len(self.journal.records), self.position.seconds
        # Dropout draws from torch's global generator, which is the caller's again afterwards.
        with torch.random.fork_rng(devices=[self.fabric.device] if self.fabric.device.type == "cuda" else []):
            self._train(epoch)
        numbers = dict(self._validate(epoch))
        record = EpochRecord(
            epoch=epoch + 1,
            training_loss=self.position.loss / self.position.scans,
            validation_loss=numbers.pop("loss"),
            metrics=numbers,
            learning_rate=learning_rate(self.config, epoch),
            seconds=before + time.perf_counter() - start,
        )
        self.journal.records.append(record)
        self._keep(record)
        return record

    def finish(self) -> Fitted:
        """Put the best epoch's weights into the objective."""
        self._save_journal()  # a run that stopped between its last checkpoint and its journal has an old one
        self.objective.load_state_dict(self.best)
        self.objective.eval()
        return Fitted(self.journal, self._best_so_far())

    def _train(self, epoch: int) -> None:
        """Do the epoch's steps from the position on, which moves along."""
        if epoch == 0 and self.position.step == 0 and not self.objective.settled:
            self._settle(epoch)
        self.network.train()
        batches = self._batches(epoch)
        before, start = self.position.seconds, time.perf_counter()
        for step, items in enumerate(batches[self.position.step :], start=self.position.step):
            self._set_learning_rate(epoch + step / len(batches))
            loss = self._step(items, epoch, step)
            self.position = Position(
                step=step + 1,
                loss=self.position.loss + loss * len(items),
                scans=self.position.scans + len(items),
                seconds=before + time.perf_counter() - start,
            )
            if time.monotonic() - self._saved >= 60 * self.config.checkpoint_minutes:
                self._save()

    def _batches(self, epoch: int) -> list[list[int]]:
        batches = epoch_batches(self.split.training, self.config.batch_size, seed=self.config.seed, epoch=epoch)
        return mix_subjects(batches, self.split.owner) if self.split.owner else batches

    def _step(self, items: list[int], epoch: int, step: int) -> float:
        place = ("epoch", epoch, "step", step)
        torch.manual_seed(derive_seed(self.config.seed, "dropout", *place))
        draws = generator(self.config.seed, *place)
        batch = self._load(items, draws)
        self.optimizer.zero_grad()
        loss = self.network(batch, draws)
        value = float(loss.detach())
        if not math.isfinite(value):
            raise NonFiniteLossError(
                f"The loss became {value} in epoch {epoch + 1}, step {step + 1}, on the scans "
                f"{', '.join(self.source.names(items))}; lower the learning rate or look at these scans."
            )
        self.fabric.backward(loss)
        if self.config.gradient_norm is not None:
            self.fabric.clip_gradients(self.network, self.optimizer, max_norm=self.config.gradient_norm)
        self.optimizer.step()
        return value

    def _load(self, items: list[int], draws: torch.Generator | None) -> BatchT:
        """Load a batch; items that are seen for the first time are looked at.

        Raises:
            TrainingError: naming the scans that hold NaN or infinity.
        """
        batch = self.source.load(items, draws)
        if not self._seen.issuperset(items):
            self._seen.update(items)
            broken = [items[place] for place in places_not_finite(batch)]
            if broken:
                raise TrainingError(
                    f"NaN or infinity stands in what was read of {', '.join(self.source.names(broken))}. Delete the "
                    "folder `store` beside the prepared scans, which is then built again from their files."
                )
        return batch.to(self.fabric.device)

    @torch.no_grad()
    def _validate(self, epoch: int) -> Mapping[str, float]:
        """Validate with the same draws in every epoch, so that epochs can be compared."""
        self._settle(epoch)
        draws = generator(self.config.seed, "validation")
        batches = (self._load(items, None) for items in even_batches(self.split.validation, self.config.batch_size))
        with self.fabric.autocast():
            numbers = self.objective.validate(batches, draws)
        for name in ("loss", self.objective.selection):
            if not math.isfinite(numbers[name]):
                raise NonFiniteLossError(
                    f"The validation {name} became {numbers[name]} in epoch {epoch + 1}; lower the learning rate or "
                    "look at the scans that validate."
                )
        return numbers

    @torch.no_grad()
    def _settle(self, epoch: int) -> None:
        """Show norms and objective some training scans, varied as in training, for what they predict with."""
        self.network.eval()
        few = self._batches(epoch)[: max(1, SETTLING_SCANS // self.config.batch_size)]
        with self.fabric.autocast():
            draws = generator(self.config.seed, "measuring", epoch)
            measure_norms(self.objective, (self._load(items, draws) for items in few), draws)
            draws = generator(self.config.seed, "settling", epoch)
            self.objective.settle(self._load(items, draws) for items in few)

    def _keep(self, record: EpochRecord) -> None:
        if self._best_so_far() is record:
            self.best = {name: tensor.detach().clone() for name, tensor in self.objective.state_dict().items()}
        self.position = Position()
        self._save()
        self._save_journal()

    def _save(self) -> None:
        """Write the checkpoint; of several processes, which all know the same, the first does."""
        if self.folder is not None and self.fabric.is_global_zero:
            progress = Progress(self.journal, self.identity, self.position)
            if self.is_done():
                save_last_checkpoint(self._checkpoint, self.best, progress)
            else:
                save_checkpoint(self._checkpoint, self.objective, self.optimizer, self.best, progress)
        self._saved = time.monotonic()

    def _save_journal(self) -> None:
        if self.folder is not None and self.fabric.is_global_zero:
            self.journal.save(self.folder / "journal.tsv")

    def _best_so_far(self) -> EpochRecord:
        return self.journal.best(self.objective.selection, larger=self.objective.larger_is_better)

    def _set_learning_rate(self, epoch: float) -> None:
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate(self.config, epoch)

    @property
    def _checkpoint(self) -> Path:
        assert self.folder is not None
        return self.folder / CHECKPOINT
