"""Where a method starts: random weights, an encoder that the user brings, or one that this comparison pre-trains."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from medical_transformer.experiments.comparison.config import ComparisonConfig, NetworkMethod, ProbeMethod
from medical_transformer.experiments.comparison.opening import OpenTask
from medical_transformer.experiments.comparison.units import Unit
from medical_transformer.experiments.data import open_data
from medical_transformer.experiments.pretrain import pretrain


@dataclass(frozen=True, slots=True)
class Pretraining:
    """One pre-training that has to be done before the units that start from it.

    Attributes:
        name: as the experiment file calls it.
        subjects: whose scans it learns from; all where None.
        place: where it is filed, below the comparison's folder.
    """

    name: str
    subjects: frozenset[str] | None
    place: Path

    @property
    def encoder(self) -> Path:
        """The encoder's folder, below the comparison's folder."""
        return self.place / "encoder"

    def __str__(self) -> str:
        whom = "all scans" if self.subjects is None else f"the scans of {len(self.subjects)} subjects"
        return f"pre-training {self.name} on {whom}"


def pretraining_of(config: ComparisonConfig, opened: OpenTask, unit: Unit) -> Pretraining | None:
    """Return the pre-training that a unit starts from; None where it needs none.

    Without the tested subjects, unless the file says `subjects: all`. Folds with the same tested subjects share it,
    and so do all seeds and shares of the labels: pre-training sees no label.
    """
    method = config.methods[unit.method]
    if not isinstance(method, NetworkMethod | ProbeMethod) or method.pretraining is None:
        return None
    entry = config.pretraining[method.pretraining]
    subjects = None
    if entry.subjects == "training":
        everybody = open_data(entry.prepared, entry.settings.input).cohort.subjects
        subjects = frozenset(everybody) - opened.folds[unit.fold - 1].test
    who = "all" if subjects is None else sorted(subjects)
    told = json.dumps([entry.settings.model_dump(mode="json"), str(entry.prepared), who], sort_keys=True)
    place = Path("pretraining", f"{method.pretraining}-{hashlib.sha256(told.encode()).hexdigest()[:8]}")
    return Pretraining(method.pretraining, subjects, place)


def run_pretraining(config: ComparisonConfig, one: Pretraining, out: Path) -> None:
    """Do a pre-training, or what is left of it."""
    entry = config.pretraining[one.name]
    if not (out / one.encoder / "config.json").is_file():
        pretrain(entry.prepared, out / one.place, entry.settings, subjects=one.subjects)


def encoder_of(config: ComparisonConfig, opened: OpenTask, unit: Unit, out: Path) -> Path | None:
    """Return the folder of the encoder that a unit starts from; None for random weights."""
    method = config.methods[unit.method]
    if not isinstance(method, NetworkMethod | ProbeMethod):
        return None
    one = pretraining_of(config, opened, unit)
    return method.encoder if one is None else out / one.encoder
