"""The training loop, the same for every objective and every network."""

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

import torch
from lightning_fabric import Fabric
from torch import Tensor

from medical_transformer.contracts import Movable, Objective
from medical_transformer.errors import ConfigError, NonFiniteLossError
from medical_transformer.training.checkpoint import Progress, load_checkpoint, save_checkpoint
from medical_transformer.training.config import TrainingConfig
from medical_transformer.training.journal import EpochRecord, Journal
from medical_transformer.training.mixing import mix_subjects
from medical_transformer.training.optimization import build_optimizer, learning_rate
from medical_transformer.training.randomness import derive_seed, generator, shuffled

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
        self.journal = Journal()
        self.best: Mapping[str, Tensor] = {}
        if folder is not None and self._checkpoint.is_file():
            self.best, self.journal = load_checkpoint(self._checkpoint, objective, self.optimizer, identity)

    def is_done(self) -> bool:
        """Whether all epochs have run, or the patience has run out."""
        epochs = len(self.journal.records)
        return epochs >= self.config.epochs or (
            epochs > 0 and epochs - self._best_so_far().epoch >= self.config.patience
        )

    def run_epoch(self) -> EpochRecord:
        """Train on every training item once, validate, and write the checkpoint."""
        start = time.perf_counter()
        epoch = len(self.journal.records)
        # Dropout draws from torch's global generator, which is the caller's again afterwards.
        with torch.random.fork_rng(devices=[self.fabric.device] if self.fabric.device.type == "cuda" else []):
            loss = self._train(epoch)
        numbers = dict(self._validate(epoch))
        record = EpochRecord(
            epoch=epoch + 1,
            training_loss=loss,
            validation_loss=numbers.pop("loss"),
            metrics=numbers,
            learning_rate=learning_rate(self.config, epoch),
            seconds=time.perf_counter() - start,
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

    def _train(self, epoch: int) -> float:
        self.network.train()
        batches = list(_batched(shuffled(list(self.split.training), self.config.seed, epoch), self.config.batch_size))
        batches = mix_subjects(batches, self.split.owner) if self.split.owner else batches
        total, count = 0.0, 0
        for step, items in enumerate(batches):
            self._set_learning_rate(epoch + step / len(batches))
            loss = self._step(items, epoch, step)
            total, count = total + loss * len(items), count + len(items)
        return total / count

    def _step(self, items: list[int], epoch: int, step: int) -> float:
        place = ("epoch", epoch, "step", step)
        torch.manual_seed(derive_seed(self.config.seed, "dropout", *place))
        draws = generator(self.config.seed, *place)
        batch = self.source.load(items, draws).to(self.fabric.device)
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

    @torch.no_grad()
    def _validate(self, epoch: int) -> Mapping[str, float]:
        """Validate with the same draws in every epoch, so that epochs can be compared."""
        self.network.eval()
        draws = generator(self.config.seed, "validation")
        batches = (
            self.source.load(items, None).to(self.fabric.device)
            for items in _batched(list(self.split.validation), self.config.batch_size)
        )
        with self.fabric.autocast():
            numbers = self.objective.validate(batches, draws)
        for name in ("loss", self.objective.selection):
            if not math.isfinite(numbers[name]):
                raise NonFiniteLossError(
                    f"The validation {name} became {numbers[name]} in epoch {epoch + 1}; lower the learning rate or "
                    "look at the scans that validate."
                )
        return numbers

    def _keep(self, record: EpochRecord) -> None:
        if self._best_so_far() is record:
            self.best = {name: tensor.detach().clone() for name, tensor in self.objective.state_dict().items()}
        if self.folder is None:
            return
        progress = Progress(self.journal, self.identity)
        save_checkpoint(self._checkpoint, self.objective, self.optimizer, self.best, progress)
        self._save_journal()

    def _save_journal(self) -> None:
        if self.folder is not None:
            self.journal.save(self.folder / "journal.tsv")

    def _best_so_far(self) -> EpochRecord:
        return self.journal.best(self.objective.selection, larger=self.objective.larger_is_better)

    def _set_learning_rate(self, epoch: float) -> None:
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate(self.config, epoch)

    @property
    def _checkpoint(self) -> Path:
        assert self.folder is not None
        return self.folder / "checkpoint.safetensors"


def build_fabric(config: TrainingConfig) -> Any:
    """Return Fabric for the device and the precision that were asked for."""
    precision: Any = {"32": "32-true", "bf16": "bf16-mixed"}[config.precision]
    return Fabric(accelerator=choose_device(config.device), devices=1, precision=precision)


def choose_device(asked: str) -> str:
    """Return `cuda` or `cpu`; `auto` takes a GPU where there is one.

    Raises:
        ConfigError: for a device that is unknown or not there.
    """
    if asked not in ("auto", "cpu", "cuda"):
        raise ConfigError(f"There is no device {asked!r}; choose auto, cpu or cuda.")
    if asked == "cuda" and not torch.cuda.is_available():
        raise ConfigError("The device cuda was asked for, but torch finds no GPU here; choose auto or cpu.")
    return "cuda" if asked != "cpu" and torch.cuda.is_available() else "cpu"


def _batched(items: list[int], size: int) -> Iterator[list[int]]:
    """Deal items into even batches of at most `size`.

    Nobody is left alone, because stage 1 takes its negatives from the batch: one of two may have to hold three.
    """
    count = math.ceil(len(items) / size)
    if size > 1 and count > 1 and len(items) < 2 * count:
        count -= 1
    places = [len(items) * number // count for number in range(count + 1)]
    for start, stop in pairwise(places):
        yield items[start:stop]
