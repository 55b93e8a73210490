"""An experiment file is checked before it costs anything."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from medical_transformer.backbones import BACKBONES, build_backbone
from medical_transformer.backbones.published_files import KNOWN
from medical_transformer.backbones.undrawn import undrawn
from medical_transformer.contracts import Backbone
from medical_transformer.errors import ConfigError
from medical_transformer.experiments import METHODS
from medical_transformer.experiments.comparison import ComparisonConfig
from medical_transformer.experiments.comparison.config import ClassicalMethod, NetworkMethod
from medical_transformer.experiments.comparison.units import all_units

Experiment = Callable[..., ComparisonConfig]
EXAMPLES = Path(__file__).parents[3] / "examples"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"reference": "ours"}, "reference names 'ours', but there are: scratch, classical"),
        ({"partial": ("ours",)}, "partial names 'ours'"),
        ({"methods": {"scratch": {"pretraining": "absent"}}}, "pretraining names 'absent', but there are: none"),
        ({"methods": {"scratch": {"kind": "probe"}}}, "a probe needs an encoder"),
        ({"methods": {"scratch": {"encoder": "a", "pretraining": "b"}}}, "not both"),
        (
            {"methods": {"scratch": {"pretraining": "b", "backbone": {"name": "i3d", "weights": "rgb.pt"}}}},
            r"methods\.scratch.*\n.*weights 'rgb\.pt' and pre-training 'b' are two starts; give one",
        ),
        (
            {"methods": {"scratch": {"encoder": "a", "backbone": {"name": "i3d", "weights": "rgb.pt"}}}},
            r"weights 'rgb\.pt' and encoder 'a' are two starts; give one",
        ),
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


def test_weights_are_seen_from_the_experiment_file_and_names_stay_names(
    experiment: Experiment, pretraining: dict[str, Any], tmp_path: Path
) -> None:
    def video(weights: str) -> dict[str, Any]:
        return {"backbone": {"name": "i3d", "weights": weights}}

    names = {"near": "rgb.pt", "far": "/far/rgb.pt", "named": "i3d-kinetics-rgb"}
    taught = {**pretraining, "settings": {"method": {"name": "3d-rpl"}, **video("rgb.pt")}}
    methods = {name: video(weights) for name, weights in names.items()}
    config = experiment(methods=methods, reference="near", pretraining={"rpl": taught})
    placed = config.placed(tmp_path)
    found = {name: one.backbone.weights for name, one in placed.methods.items() if isinstance(one, NetworkMethod)}
    assert found == {"near": str(tmp_path / "rgb.pt"), "far": "/far/rgb.pt", "named": "i3d-kinetics-rgb"}
    assert placed.pretraining["rpl"].settings.backbone.weights == str(tmp_path / "rgb.pt")
    (tmp_path / "i3d-kinetics-rgb").touch()
    own = config.placed(tmp_path).methods["named"]
    assert isinstance(own, NetworkMethod)
    assert own.backbone.weights == str(tmp_path / "i3d-kinetics-rgb")


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
    with pytest.raises(ConfigError, match=r"task 'brain-age', method 'scratch'\. epoch: .* did you mean epochs\?$"):
        config.training_for("brain-age", "scratch", 0)


def example(path: Path) -> ComparisonConfig:
    return ComparisonConfig.model_validate(yaml.safe_load(path.read_text(encoding="utf-8"))).placed(path.parent)


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.yaml")), ids=lambda path: path.name)
def test_the_experiment_files_that_ship_open_with_networks_that_fit_their_starts(path: Path) -> None:
    config = example(path)
    assert {config.training_for(task, name, 3).seed for task in config.tasks for name in config.methods} == {3}
    networks = {name: one for name, one in config.methods.items() if isinstance(one, NetworkMethod)}
    for name, method in networks.items():
        with undrawn():
            backbone = build_backbone(method.backbone.name, method.backbone.settings)
        if method.pretraining is not None:
            taught = config.pretraining[method.pretraining].settings.backbone
            with undrawn():
                encoder = build_backbone(taught.name, taught.settings)
            assert shapes(encoder) == shapes(backbone), name
            assert encoder.intensities == backbone.intensities, name
        if method.backbone.weights is not None:
            assert KNOWN[method.backbone.weights].backbone == method.backbone.name


def test_all_pretrainings_of_the_rivals_have_one_rate_schedule_and_number_of_epochs_over_scans() -> None:
    every = [one.settings.stages for one in example(EXAMPLES / "ixi-rivals.yaml").pretraining.values()]
    over_scans = [next(iter(stages.values())) for stages in every]
    assert len(over_scans) == len(METHODS)
    assert len(set(over_scans)) == 1
    over_vectors = [stages["masked"] for stages in every if "masked" in stages]
    assert len(over_vectors) == 2
    assert {one.model_copy(update={"epochs": over_scans[0].epochs}) for one in over_vectors} == set(over_scans)


def shapes(network: Backbone) -> dict[str, tuple[int, ...]]:
    return {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}


def test_the_example_of_the_rivals_has_every_backbone_and_every_way_to_pretrain() -> None:
    config = example(EXAMPLES / "ixi-rivals.yaml")
    methods = config.methods.values()
    assert {one.backbone.name for one in methods if isinstance(one, NetworkMethod)} == set(BACKBONES)
    assert {one.settings.method.name for one in config.pretraining.values()} == set(METHODS)
    assert {one.pretraining for one in methods if isinstance(one, NetworkMethod)} >= set(config.pretraining)
    assert any(isinstance(one, ClassicalMethod) for one in methods)
    fetched = [one.backbone for one in methods if isinstance(one, NetworkMethod) and one.backbone.weights]
    assert {one.name: one.settings["intensities"] for one in fetched} == {
        "i3d": "symmetric", "medicalnet": "z-scored", "niftynet-highres3dnet": "whitened"
    }  # fmt: skip
