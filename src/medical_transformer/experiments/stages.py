"""One stage of a pre-training: an objective, its training, and what is known of it afterwards."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from medical_transformer.contracts import BatchT
from medical_transformer.errors import CohortError
from medical_transformer.experiments.config import PretrainConfig, identity
from medical_transformer.experiments.data import Data
from medical_transformer.experiments.progress import EpochProgress
from medical_transformer.experiments.training_run import published_bytes
from medical_transformer.pretraining import Pretext
from medical_transformer.training import Ended, Fitted, TrainingConfig, fit, take_ended
from medical_transformer.training.fit import Source, Split

# Of so many subjects the largest share that may be held out, a third, is two, whose scans can be compared.
FEWEST_TO_COMPARE = 4


@dataclass(frozen=True, slots=True)
class Stage:
    """How a stage went.

    Attributes:
        title: what was learnt.
        fitted: journal and best epoch.
        chance: what a network that knows nothing reaches.
    """

    title: str
    fitted: Fitted
    chance: Mapping[str, float]

    @property
    def best(self) -> dict[str, float]:
        """The validation numbers of the chosen epoch."""
        record = self.fitted.best
        return {"epoch": record.epoch, "loss": record.number("loss"), **record.metrics}


@dataclass(frozen=True, slots=True)
class Run:
    """What all stages of a run share.

    Attributes:
        data: the prepared cohort.
        split: who is learnt from, and who chooses the epoch.
        config: everything that decides the result.
        folder: of the run.
    """

    data: Data
    split: Split
    config: PretrainConfig
    folder: Path

    def stage(
        self, number: int, title: str, objective: Pretext[BatchT], source: Source[BatchT], training: TrainingConfig
    ) -> Stage:
        """Train an objective in a folder of its own, or take up what lies there."""
        split = self._with_owners() if objective.needs_other_subjects else self.split
        with EpochProgress(f"stage {number}, {title}", training.epochs) as progress:
            fitted = fit(
                objective,
                source,
                split,
                training,
                folder=self._folder(number),
                identity=self._identity(number),
                on_epoch=progress,
            )
        return Stage(title, fitted, objective.chance)

    def ended(self, number: int, kind: type[Pretext[Any]], training: TrainingConfig) -> Ended | None:
        """Return what an objective's training left in its folder; None where something of it is left to do."""
        return take_ended(kind, training, self._folder(number), self._identity(number))

    def _folder(self, number: int) -> Path:
        return self.folder / f"stage-{number}"

    def _identity(self, number: int) -> str:
        who: tuple[str | int, ...] = ("training", *self.split.training, "validation", *self.split.validation)
        start = published_bytes(self.config.backbone)
        return identity(self.config, self.data.cohort, "stage", number, *who, *start)

    def _with_owners(self) -> Split:
        """Say whose each scan is, so that negatives of other subjects are at hand in every batch.

        Raises:
            CohortError: if those who choose the epoch are one subject.
        """
        scans = self.data.cohort.scans
        validating = {scans[place].subject for place in self.split.validation}
        if len(validating) < 2:
            subjects = validating | {scans[place].subject for place in self.split.training}
            larger = "set `validation: 0.33` in --config, or " if len(subjects) >= FEWEST_TO_COMPARE else ""
            raise CohortError(
                f"Only {', '.join(validating) or 'nobody'} is held out to choose the epoch, and this method compares "
                f"scans of different subjects; {larger}add scans of other subjects."
            )
        owner = {place: scans[place].subject for place in self.split.training}
        return Split(self.split.training, self.split.validation, owner)
