"""Settings are checked at birth."""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from medical_transformer.backbones import MedicalTransformerConfig
from medical_transformer.cohorts import Cohort
from medical_transformer.errors import ConfigError
from medical_transformer.experiments import BackboneConfig, EvaluateConfig, FinetuneConfig, InputConfig, PretrainConfig
from medical_transformer.experiments.config import identity, keep_config
from medical_transformer.preprocessing import PipelineConfig
from medical_transformer.pretraining.settings import VolumeExemplarSettings
from medical_transformer.tasks import Regression
from medical_transformer.training import TrainingConfig

AGE = Regression(label="age_years")


@pytest.mark.parametrize(
    ("config", "given"),
    [
        (PretrainConfig, {}),
        (FinetuneConfig, {"task": AGE}),
        (EvaluateConfig, {"finetune": FinetuneConfig(task=AGE)}),
        (InputConfig, {}),
        (BackboneConfig, {}),
        (TrainingConfig, {}),
    ],
)
def test_a_misspelt_field_is_refused_by_name(config: type[BaseModel], given: dict[str, Any]) -> None:
    config(**given)
    with pytest.raises(ValidationError, match="learning_rat\n"):
        config(**given, learning_rat=0.1)


@pytest.mark.parametrize(
    ("config", "wrong"),
    [
        (PretrainConfig, {"mask_ratio": 0}),
        (PretrainConfig, {"inverting": 1.5}),
        (PretrainConfig, {"margin": 0}),
        (PretrainConfig, {"validation": 0.5}),
        (InputConfig, {"pool": 0}),
        (InputConfig, {"modalities": ()}),
        (TrainingConfig, {"epochs": 0}),
        (TrainingConfig, {"decay": 1.1}),
        (TrainingConfig, {"device": "abacus"}),
    ],
)
def test_a_value_out_of_range_is_refused_by_name(config: type[BaseModel], wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match=next(iter(wrong))):
        config(**wrong)


@pytest.mark.parametrize("number", [math.inf, -math.inf, math.nan])
@pytest.mark.parametrize(
    ("config", "name"),
    [
        (PretrainConfig, "margin"),
        (TrainingConfig, "checkpoint_minutes"),
        (TrainingConfig, "gradient_norm"),
        (VolumeExemplarSettings, "margin"),
        (MedicalTransformerConfig, "position_base"),
    ],
)
def test_a_number_that_is_not_finite_is_refused_by_name(config: type[BaseModel], name: str, number: float) -> None:
    with pytest.raises(ValidationError, match=name):
        config(**{name: number})


def settings_classes(above: type[BaseModel] = BaseModel) -> Iterator[type[BaseModel]]:
    for below in above.__subclasses__():
        yield below
        yield from settings_classes(below)


def test_no_settings_of_this_package_take_numbers_that_no_json_file_holds() -> None:
    rooms = ("medical_transformer.", "medical_transformer.backbones.baselines.")  # rivals have no such numbers
    own = [one for one in settings_classes() if one.__module__.startswith(rooms[0])]
    own = [one for one in own if not one.__module__.startswith(rooms[1])]
    assert {PretrainConfig, MedicalTransformerConfig, PipelineConfig, Regression} <= set(own)
    assert not [one.__name__ for one in own if one.model_config.get("allow_inf_nan", True) and one.model_fields]


def test_two_folds_cannot_train_validate_and_test() -> None:
    with pytest.raises(ValidationError, match="folds"):
        EvaluateConfig(finetune=FinetuneConfig(task=AGE), folds=2)


def test_a_configuration_can_be_written_and_read_again() -> None:
    config = EvaluateConfig(finetune=FinetuneConfig(task=AGE, encoder="somewhere"))
    assert EvaluateConfig.model_validate_json(config.model_dump_json()) == config


def test_the_defaults_are_the_papers() -> None:
    config = PretrainConfig()
    assert (config.margin, config.inverting, config.mask_ratio) == (1.0, 0.0, 0.1)
    assert EvaluateConfig(finetune=FinetuneConfig(task=AGE)).folds == 5


def test_a_folder_keeps_its_settings(tmp_path: Path) -> None:
    keep_config(PretrainConfig(), tmp_path)
    keep_config(PretrainConfig(), tmp_path)
    (tmp_path / "stage-1").mkdir()
    (tmp_path / "stage-1" / "journal.tsv").touch()
    with pytest.raises(ConfigError, match=r"other settings: margin was 1\.0 and is now 2\.0"):
        keep_config(PretrainConfig(margin=2), tmp_path)
    assert PretrainConfig.model_validate_json((tmp_path / "config.json").read_text()) == PretrainConfig()


def test_a_run_that_never_began_does_not_keep_its_folder_from_other_settings(tmp_path: Path) -> None:
    keep_config(PretrainConfig(), tmp_path)
    keep_config(PretrainConfig(margin=2), tmp_path)
    assert PretrainConfig.model_validate_json((tmp_path / "config.json").read_text()).margin == 2


def test_where_a_run_is_computed_does_not_decide_whose_it_is(tmp_path: Path) -> None:
    cohort = Cohort("drawn", tmp_path, ())
    cpu, cuda, slower = (
        FinetuneConfig(task=AGE, training=TrainingConfig(**settings))
        for settings in ({"device": "cpu"}, {"device": "cuda"}, {"learning_rate": 1e-6})
    )
    assert identity(cpu, cohort) == identity(cuda, cohort)
    assert identity(cpu, cohort) != identity(slower, cohort)


@pytest.mark.parametrize(
    ("method", "stages"),
    [
        ("medical-transformer", ("exemplar", "masked")),
        ("slice-tissues", ("training", "masked")),
        ("3d-rotation", ("training",)),
    ],
)
def test_a_pretraining_has_the_trainings_of_its_stages(method: str, stages: tuple[str, ...]) -> None:
    rates = {"exemplar": 0.1, "masked": 0.2, "training": 0.3}
    given = {name: {"learning_rate": rate} for name, rate in rates.items()}
    config = PretrainConfig.model_validate({"method": {"name": method}, **given})
    assert {name: one.learning_rate for name, one in config.stages.items()} == {name: rates[name] for name in stages}
    assert tuple(config.stages) == stages
