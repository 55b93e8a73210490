"""How scans are prepared: one frozen value, whose fingerprint travels with a network's weights."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from medical_transformer.errors import ConfigError
from medical_transformer.settings import wrong_settings

# Raised whenever a step computes something else, so that old results are not taken for new ones.
# 2: T1w brains are registered by `alignment` and no longer by niimath.
ALGORITHM = 2


class PipelineConfig(BaseModel):
    """The steps from a raw scan to the network's grid; the default is the paper's (section 4.1.1).

    The fingerprint of this value names what a network was trained on: a scan that was prepared otherwise
    does not fit its weights.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    extraction: Literal["auto", "deepbet", "template", "synthstrip", "hd-bet", "fsl-bet", "none"] = Field(
        default="auto",
        description="How the brain is found; auto keeps an already stripped scan and else uses deepbet. SynthStrip, "
        "HD-BET and FSL's BET are used where you have installed them.",
    )
    bias_field: Literal["n4", "fsl-fast", "none"] = Field(
        default="n4", description="How the coil's slow shading inside the brain is removed; FAST needs FSL."
    )
    registration: Literal["affine", "fsl-flirt", "none"] = Field(
        default="affine",
        description="How the brain is brought to the template: 12 parameters, the same by FSL's FLIRT, or not at all "
        "where the scan lies there already.",
    )
    space: Literal["mni", "crop"] = Field(
        default="mni",
        description="The grid: ICBM 2009c, 193x229x193 at 1 mm, or a box around the brain at native voxels.",
    )
    crop_shape: tuple[int, int, int] = Field(
        default=(160, 192, 128),
        description="Voxels of the box along right, anterior and superior (8 to 512); used by space=crop.",
    )
    normalization: Literal["percentile", "minmax"] = Field(
        default="percentile",
        description="What becomes 0 and 1: two percentiles inside the brain, or its minimum and maximum.",
    )
    percentile: float = Field(
        default=99.5,
        gt=50,
        le=100,
        description="Percentile inside the brain that becomes 1 (50 to 100); its counterpart becomes 0.",
    )
    pool: int = Field(
        default=2, ge=1, le=8, description="Voxels per axis that are averaged into one (1 to 8), at last."
    )

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.space == "crop" and self.registration != "none":
            raise ValueError("space='crop' keeps native voxels, so it needs registration='none'")
        if not all(8 <= side <= 512 for side in self.crop_shape):
            raise ValueError(f"crop_shape needs sides of 8 to 512 voxels, got {self.crop_shape}")
        return self

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Self:
        """Check settings that a person wrote.

        Raises:
            ConfigError: naming each wrong setting, and for a misspelt one the nearest that exists.
        """
        try:
            return cls.model_validate(dict(values))
        except ValidationError as error:
            raise ConfigError(" ".join(wrong_settings(cls, error))) from error

    def fingerprint(self) -> str:
        """Return 12 hex digits that change whenever the prepared voxels could."""
        canonical = json.dumps({"algorithm": ALGORITHM, **self.model_dump(mode="json")}, sort_keys=True)
        return hashlib.sha256(canonical.encode()).hexdigest()[:12]


def differing_settings(before: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """Name the settings in which two runs differ, each with both values: `pool was 2 and is now 1`.

    Nested settings are named with dots; empty where nothing differs.
    """
    old, new = _flat(before), _flat(now)
    names = [name for name in {**old, **new} if old.get(name) != new.get(name)]
    return "; ".join(f"{name} was {_shown(old, name)} and is now {_shown(new, name)}" for name in names)


def _flat(settings: Mapping[str, Any], above: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in settings.items():
        flat |= _flat(value, f"{above}{name}.") if isinstance(value, Mapping) else {f"{above}{name}": value}
    return flat


def _shown(settings: Mapping[str, Any], name: str) -> str:
    return str(settings[name]) if name in settings else "not there"


DEFAULT = PipelineConfig()
PAPER = PipelineConfig(normalization="minmax")
FSL = PipelineConfig(extraction="fsl-bet", bias_field="fsl-fast", registration="fsl-flirt", normalization="minmax")
BRATS = PipelineConfig(extraction="none", bias_field="none", registration="none", space="crop", pool=1)
PRESETS: Mapping[str, PipelineConfig] = {"default": DEFAULT, "paper": PAPER, "fsl": FSL, "brats": BRATS}


def preset(name: str) -> PipelineConfig:
    """Return the pipeline of that name: `default`, `paper`, `fsl` or `brats`.

    Raises:
        ConfigError: if there is none, with the names that exist.
    """
    if name not in PRESETS:
        raise ConfigError(f"There is no pipeline {name!r}; there are: {', '.join(PRESETS)}.")
    return PRESETS[name]
