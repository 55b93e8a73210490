"""One typed value per experiment: it decides the result and is written beside it."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator, model_validator

from medical_transformer.backbones import BACKBONES
from medical_transformer.cohorts import Cohort
from medical_transformer.cohorts.tables import read_json, write_json
from medical_transformer.errors import ConfigError
from medical_transformer.preprocessing.config import differing_settings
from medical_transformer.pretraining import AnyMethod, SliceTissuesSettings, TwoStages
from medical_transformer.tasks import AnyTask
from medical_transformer.training import TrainingConfig


class Frozen(BaseModel):
    """A value that never changes and refuses misspelt fields."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class InputConfig(Frozen):
    """What the network sees of a prepared cohort."""

    modalities: Annotated[tuple[str, ...], Field(min_length=1, description="Input channels, in order.")] = ("T1w",)
    pool: Annotated[
        int, Field(ge=1, le=8, description="Average-pool the prepared volumes again; 2 gives 48x57x48 (4 mm).")
    ] = 1


class BackboneConfig(Frozen):
    """Which backbone, with which settings."""

    name: Annotated[str, Field(description="Name of the backbone, as `medtrans methods` lists it.")] = (
        "medical-transformer"
    )
    weights: Annotated[
        str | None, Field(description="Published weights to start from: a file, or a name that is fetched.")
    ] = None
    settings: Annotated[Mapping[str, Any], Field(description="Settings of the backbone.", validate_default=True)] = {}

    @field_validator("settings")
    @classmethod
    def _see_what_the_weights_saw(cls, settings: Mapping[str, Any], said: ValidationInfo) -> Mapping[str, Any]:
        """Bring scans to the intensities that published weights were taught on, unless the settings say otherwise."""
        entry = BACKBONES.get(said.data.get("name", ""))
        if said.data.get("weights") is None or entry is None or not entry.weights:
            return settings
        return {"intensities": entry.intensities, **settings}


class PretrainConfig(Frozen):
    """Pre-training: the paper's two stages (section 3.3.1), or one of the pretext tasks it compares with."""

    method: Annotated[AnyMethod, Field(description="Name and settings of the method.")] = TwoStages()
    input: InputConfig = InputConfig()
    backbone: BackboneConfig = BackboneConfig()
    training: Annotated[TrainingConfig, Field(description="Training of a pretext task, or of slice tissues.")] = (
        TrainingConfig()
    )
    exemplar: Annotated[TrainingConfig, Field(description="Training of stage 1.")] = TrainingConfig()
    masked: Annotated[TrainingConfig, Field(description="Training of stage 2.")] = TrainingConfig()
    margin: Annotated[float, Field(gt=0, description="Margin of the triplet loss (alpha of Eq. 1).")] = 1.0
    inverting: Annotated[
        float, Field(ge=0, le=1, description="Share of contrast-inverting curves; 0 in the paper.")
    ] = 0.0
    mask_ratio: Annotated[float, Field(gt=0, lt=1, description="Share of masked slices in each plane.")] = 0.1
    validation: Annotated[float, Field(gt=0, le=1 / 3, description="Share of subjects that choose the epoch.")] = 0.2

    @property
    def stages(self) -> Mapping[str, TrainingConfig]:
        """The trainings that the method has, in their order, by the names of their settings."""
        match self.method:
            case TwoStages():
                return {"exemplar": self.exemplar, "masked": self.masked}
            case SliceTissuesSettings():
                return {"training": self.training, "masked": self.masked}
        return {"training": self.training}


HeadStart = Annotated[
    Literal["random", "fitted"],
    Field(
        description="Start of a linear head: random, or fitted to what the network says of the training scans before "
        "its first step, which keeps what a pre-trained encoder knows."
    ),
]


class FinetuneConfig(Frozen):
    """Training for one task, from scratch or from a pre-trained encoder."""

    task: AnyTask
    input: InputConfig = InputConfig()
    backbone: BackboneConfig = BackboneConfig()
    training: TrainingConfig = TrainingConfig()
    encoder: Annotated[
        str | None,
        Field(description="Pre-trained encoder: its folder, or a name of `medtrans models`; none is scratch."),
    ] = None
    head: HeadStart = "random"
    validation: Annotated[float, Field(gt=0, le=1 / 3, description="Share of subjects that choose the epoch.")] = 0.2

    @model_validator(mode="after")
    def _check_start(self) -> Self:
        if self.encoder is not None and self.backbone.weights is not None:
            raise ValueError("an encoder and published weights are two starts; give one of them")
        return self


class EvaluateConfig(Frozen):
    """Cross-validation of a fine-tuning (section 4.1.1: five folds)."""

    finetune: FinetuneConfig
    folds: Annotated[int, Field(ge=3, le=100, description="Folds; each tests once and validates once.")] = 5
    fold_seed: Annotated[int, Field(ge=0, description="Decides who is in which fold.")] = 0


# Where a run is computed, how often it is kept and where its encoder lies do not decide its result; the bytes of the
# encoder do.
WHERE = frozenset({"device", "compile", "checkpoint_minutes", "encoder"})


# What a training leaves behind, from its first epoch to its end.
TRACES = ("journal.tsv", "checkpoint.safetensors", "model.safetensors")


def identity(config: BaseModel, cohort: Cohort, *place: str | int) -> str:
    """Return 16 hex digits that name settings, scans and a place in the experiment."""
    scans = [(scan.name, scan.content_hash) for scan in cohort.scans]
    settings = _without(config.model_dump(mode="json"), WHERE)
    text = json.dumps([settings, scans, *place], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _without(settings: dict[str, Any], names: frozenset[str]) -> dict[str, Any]:
    """Return nested settings without some names."""
    return {
        name: _without(value, names) if isinstance(value, dict) else value
        for name, value in settings.items()
        if name not in names
    }


def keep_config(config: BaseModel, folder: Path) -> None:
    """Write a run's settings into its folder; settings that differ from those of a run that has begun are refused.

    A run that was refused before its first epoch leaves nothing that other settings could harm.

    Raises:
        ConfigError: if the folder holds a run with other settings.
    """
    path = folder / "config.json"
    settings = config.model_dump(mode="json")
    found = read_json(path) if path.is_file() and _has_begun(folder) else settings
    changes = differing_settings(_without(found, WHERE), _without(settings, WHERE))
    if changes:
        raise ConfigError(f"{folder} holds a run with other settings: {changes}. Choose another folder.")
    write_json(path, settings)


def _has_begun(folder: Path) -> bool:
    """Tell whether something of a training lies in a run's folder or below."""
    return any(next(folder.rglob(name), None) for name in TRACES)
