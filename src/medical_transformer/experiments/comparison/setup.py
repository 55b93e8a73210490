"""Everything that one unit needs to know before it begins."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from medical_transformer.cohorts import Scan
from medical_transformer.cohorts.folds import Fold
from medical_transformer.experiments.comparison.config import ComparisonConfig, Method, NetworkMethod
from medical_transformer.experiments.comparison.opening import OpenTask
from medical_transformer.experiments.comparison.starts import encoder_of
from medical_transformer.experiments.comparison.units import Unit
from medical_transformer.experiments.config import FinetuneConfig
from medical_transformer.experiments.data import Data
from medical_transformer.experiments.training_run import run_identity
from medical_transformer.tasks import AnyTask
from medical_transformer.training.fit import Split


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """A unit, ready to be done.

    Attributes:
        unit: which one.
        method: its method.
        opened: its task.
        fold: who trains (with the share of the labels taken), validates and is tested.
        split: places of the scans that train and that validate.
        tested: places of the scans that are tested.
        encoder: the encoder that it starts from; None for random weights.
        candidates: settings of which the best on the validation part is tested; one where nothing is searched.
        identity: names all that decides the result.
        out: the comparison's folder.
    """

    unit: Unit
    method: Method
    opened: OpenTask
    fold: Fold
    split: Split
    tested: tuple[int, ...]
    encoder: Path | None
    candidates: tuple[FinetuneConfig, ...]
    identity: str
    out: Path

    @property
    def data(self) -> Data:
        """The prepared cohort with its voxels."""
        return self.opened.data

    @property
    def task(self) -> AnyTask:
        """What is predicted."""
        return self.opened.task

    @property
    def folder(self) -> Path:
        """Where the unit keeps its result; other settings have another folder, so that nothing is overwritten."""
        place = self.out / self.unit.place
        return place.with_name(f"{place.name}-{self.identity[:8]}")

    def scans(self, places: tuple[int, ...]) -> list[Scan]:
        """Return scans by their places."""
        return [self.data.cohort.scans[place] for place in places]


def set_up(config: ComparisonConfig, opened: OpenTask, unit: Unit, out: Path) -> Setup:
    """Work out all that decides a unit; the encoder that it starts from must be there."""
    fold = opened.fold_of(unit)
    train, validation, test = (
        opened.data.places(subjects, among=opened.labelled) for subjects in (fold.train, fold.validation, fold.test)
    )
    split, method = Split(train, validation), config.methods[unit.method]
    encoder = encoder_of(config, opened, unit, out)
    candidates = tuple(_candidates(config, opened, unit, encoder))
    names = [run_identity(opened.data, split, one, "unit", method.kind, *map(str, test)) for one in candidates]
    return Setup(
        unit=unit,
        method=method,
        opened=opened,
        fold=fold,
        split=split,
        tested=test,
        encoder=encoder,
        candidates=candidates,
        identity=hashlib.sha256(" ".join(names).encode()).hexdigest()[:16],
        out=out,
    )


def _candidates(config: ComparisonConfig, opened: OpenTask, unit: Unit, encoder: Path | None) -> list[FinetuneConfig]:
    method = config.methods[unit.method]
    one = FinetuneConfig(
        task=opened.task,
        input=opened.input,
        training=config.training_for(unit.task, unit.method, unit.seed),
        encoder=None if encoder is None else str(encoder),
    )
    if not isinstance(method, NetworkMethod):
        return [one]
    head = "random" if opened.task.needs_maps else method.head
    one = one.model_copy(update={"backbone": method.backbone, "head": head})
    rates = config.rates_for(unit.method) or (one.training.learning_rate,)
    training = (one.training.model_copy(update={"learning_rate": rate}) for rate in rates)
    return [one.model_copy(update={"training": chosen}) for chosen in training]
