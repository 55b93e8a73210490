"""An experiment file is checked before it costs anything."""

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from pydantic import ValidationError

from medical_transformer.backbones import build_backbone
from medical_transformer.errors import ConfigError
from medical_transformer.experiments.comparison import ComparisonConfig
from medical_transformer.experiments.comparison.config import NetworkMethod
from medical_transformer.experiments.comparison.units import all_units

Experiment = Callable[..., ComparisonConfig]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"reference": "ours"}, "reference names 'ours', but there are: scratch, classical"),
        ({"partial": ("ours",)}, "partial names 'ours'"),
        ({"methods": {"scratch": {"pretraining": "absent"}}}, "pretraining names 'absent', but there are: none"),
        ({"methods": {"scratch": {"kind": "probe"}}}, "a probe needs an encoder"),
        ({"methods": {"scratch": {"encoder": "a", "pretraining": "b"}}}, "not both"),
        ({"seeds": (1, 1)}, "twice"),
        ({"fractions": (0.0, 1.0)}, "greater than 0"),
        ({"fold": 5}, "Extra inputs"),
        ({"tasks": {"../age": {"prepared": "x"}}}, "pattern"),
    ],
)
def test_a_file_that_contradicts_itself_is_refused(
    experiment: Experiment, changes: dict[str, object], message: str
) -> None:
    with pytest.raises(ValidationError, match=message):
        experiment(**changes)


def test_paths_are_seen_from_the_experiment_file(experiment: Experiment) -> None:
    config = experiment(
        tasks={"age": {"prepared": "prepared", "label": "age_years"}},
        methods={"scratch": {"encoder": "pretrained"}, "far": {"encoder": "/far/encoder"}},
    )
    placed = config.placed(Path("/experiments"))
    assert placed.tasks["age"].prepared == Path("/experiments/prepared")
    assert placed.methods["scratch"].encoder == Path("/experiments/pretrained")
    assert placed.methods["far"].encoder == Path("/far/encoder")


def test_the_grid_has_a_unit_per_task_method_share_seed_and_fold(experiment: Experiment) -> None:
    units = list(all_units(experiment(seeds=(0, 1, 2), fractions=(0.1, 1.0))))
    scratch, classical = 3 * 2 * 3, 3 + 3 * 3  # seeds x shares x folds; the whole once, the share with every seed
    assert len(units) == scratch + classical
    assert len(set(units)) == len(units)
    assert units[0].fraction == 1.0


def test_a_methods_own_training_settings_win_over_the_tasks(experiment: Experiment) -> None:
    config = experiment(
        tasks={"age": {"prepared": "x", "label": "age_years", "training": {"epochs": 7, "batch_size": 3}}},
        methods={"scratch": {"training": {"epochs": 9}}},
    )
    training = config.training_for("age", "scratch", 4)
    assert (training.epochs, training.batch_size, training.seed, training.learning_rate) == (9, 3, 4, 1e-3)


def test_a_misspelt_training_setting_names_task_and_method(experiment: Experiment) -> None:
    config = experiment(methods={"scratch": {"training": {"epoch": 9}}})
    with pytest.raises(ConfigError, match="task 'brain-age', method 'scratch'"):
        config.training_for("brain-age", "scratch", 0)


@pytest.mark.parametrize("path", sorted(Path(__file__).parents[3].glob("examples/*.yaml")), ids=lambda path: path.name)
def test_the_experiment_files_that_ship_are_right(path: Path) -> None:
    config = ComparisonConfig.model_validate(yaml.safe_load(path.read_text()))
    for task in config.tasks:
        for method, entry in config.methods.items():
            config.training_for(task, method, 0)
            if isinstance(entry, NetworkMethod):
                build_backbone(entry.backbone.name, entry.backbone.settings)
