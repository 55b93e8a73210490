from typing import Any

import pytest
from pydantic import ValidationError

from medical_transformer.errors import ConfigError
from medical_transformer.preprocessing import BRATS, DEFAULT, FSL, PAPER, PRESETS, PipelineConfig, preset

CHANGES: list[dict[str, Any]] = [
    {"extraction": "template"},
    {"bias_field": "none"},
    {"registration": "none"},
    {"registration": "none", "space": "crop"},
    {"crop_shape": (160, 192, 129)},
    {"normalization": "minmax"},
    {"percentile": 99.0},
    {"pool": 1},
]


def test_every_setting_changes_the_fingerprint() -> None:
    prints = {PipelineConfig(**change).fingerprint() for change in CHANGES} | {DEFAULT.fingerprint()}
    assert len(prints) == len(CHANGES) + 1


def test_the_fingerprint_survives_json() -> None:
    again = PipelineConfig.model_validate_json(BRATS.model_dump_json())
    assert again.fingerprint() == BRATS.fingerprint()


def test_the_default_fingerprint_is_the_one_that_published_weights_carry() -> None:
    # A change here means that earlier weights no longer fit: raise ALGORITHM on purpose, not by accident.
    assert DEFAULT.fingerprint() == "b443f6938852"


def test_a_misspelt_setting_names_the_nearest() -> None:
    with pytest.raises(ConfigError, match="did you mean registration"):
        PipelineConfig.of({"registraton": "none"})


def test_a_value_out_of_range_names_its_setting() -> None:
    with pytest.raises(ConfigError, match="pool"):
        PipelineConfig.of({"pool": 0})


def test_a_crop_is_not_registered() -> None:
    with pytest.raises(ConfigError, match="registration='none'"):
        PipelineConfig.of({"space": "crop"})


def test_a_pipeline_cannot_be_changed() -> None:
    with pytest.raises(ValidationError):
        DEFAULT.pool = 1  # type: ignore[misc]


def test_the_papers_pipeline_is_the_default_but_for_plain_minmax() -> None:
    assert DEFAULT.model_copy(update={"normalization": "minmax"}) == PAPER


def test_every_setting_says_what_it_is() -> None:
    assert all(field.description for field in PipelineConfig.model_fields.values())


def test_presets_have_names() -> None:
    assert [preset(name) for name in PRESETS] == [DEFAULT, PAPER, FSL, BRATS]
    with pytest.raises(ConfigError, match="default, paper, fsl, brats"):
        preset("bratz")
