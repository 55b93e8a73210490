"""A model folder holds everything that is needed to use a network again, or is refused."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from medical_transformer.backbones import MedicalTransformer
from medical_transformer.errors import WeightsError
from medical_transformer.preprocessing import BRATS, PipelineConfig
from medical_transformer.tasks import (
    AnyTask,
    Classification,
    Regression,
    SavedModel,
    Segmentation,
    TaskModel,
    load_model,
    save_model,
)

TASKS = [
    Classification(label="diagnosis", classes=("CN", "MCI", "AD"), balanced=True),
    Regression(label="age_years", unit="years"),
    Segmentation(values=(1, 4), regions={"TC": (1, 4)}),
]


def saved(network: TaskModel | MedicalTransformer) -> SavedModel:
    backbone = network.backbone if isinstance(network, TaskModel) else network
    assert isinstance(backbone, MedicalTransformer)
    return SavedModel(
        network=network,
        backbone={"name": "medical-transformer", "settings": backbone.config.model_dump(mode="json")},
        preparation=PipelineConfig(pool=3),
        pool=2,
        modalities=("T1w",),
        about={"cohort": "drawn", "subjects": ["sub-1"]},
    )


@pytest.fixture
def folder(backbone: MedicalTransformer, tmp_path: Path) -> Path:
    save_model(saved(TaskModel(backbone, TASKS[0])), tmp_path / "model")
    return tmp_path / "model"


def change(folder: Path, edit: Callable[[Any], Any]) -> None:
    path = folder / "config.json"
    config = json.loads(path.read_text())
    path.write_text(json.dumps(edit(config) or config))


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.kind)
@torch.no_grad()
def test_a_saved_model_answers_the_same(
    task: AnyTask, backbone: MedicalTransformer, volumes: Tensor, tmp_path: Path
) -> None:
    model = TaskModel(backbone, task).eval()
    if isinstance(task, Regression):
        task.prepare_head(model.head, torch.tensor([[30.0], [70.0]]))
    save_model(saved(model), tmp_path)
    loaded = load_model(tmp_path)
    assert isinstance(loaded.network, TaskModel)
    assert loaded.network.task == task
    assert torch.equal(loaded.network(volumes), model(volumes))


@torch.no_grad()
def test_a_model_in_half_precision_answers_nearly_the_same_from_half_the_bytes(
    backbone: MedicalTransformer, volumes: Tensor, tmp_path: Path
) -> None:
    model = TaskModel(backbone, TASKS[1]).eval()
    TASKS[1].prepare_head(model.head, torch.tensor([[48.7], [32.1]]))
    for name, half in (("single", False), ("half", True)):
        save_model(saved(model), tmp_path / name, half=half)
    loaded = load_model(tmp_path / "half").network
    assert {parameter.dtype for parameter in loaded.parameters()} == {torch.float32}
    assert not torch.equal(loaded(volumes), model(volumes))
    assert torch.allclose(loaded(volumes), model(volumes), atol=0.05)
    single, half = ((tmp_path / name / "model.safetensors").stat().st_size for name in ("single", "half"))
    assert half < 0.75 * single  # of a network this small the names and vectors weigh more than in a real one


def test_the_mean_and_spread_of_a_label_are_not_rounded_to_half_precision(
    backbone: MedicalTransformer, tmp_path: Path
) -> None:
    model = TaskModel(backbone, TASKS[1])
    TASKS[1].prepare_head(model.head, torch.tensor([[48.77], [32.19]]))
    save_model(saved(model), tmp_path, half=True)
    loaded = load_model(tmp_path).network
    assert isinstance(loaded, TaskModel)
    assert torch.equal(loaded.head.centre, model.head.centre)
    assert torch.equal(loaded.head.scale, model.head.scale)


@pytest.mark.parametrize(
    ("preparation", "pool", "shape"),
    [
        (PipelineConfig(), 1, (96, 114, 96)),  # section 4.1.1 of the paper, at 2 mm
        (PipelineConfig(), 2, (48, 57, 48)),
        (BRATS, 1, (160, 192, 128)),
    ],
)
def test_a_model_knows_how_many_voxels_it_sees(
    preparation: PipelineConfig, pool: int, shape: tuple[int, int, int], backbone: MedicalTransformer
) -> None:
    assert replace(saved(backbone), preparation=preparation, pool=pool).field_of_view == shape


def test_everything_that_travels_with_the_weights_comes_back(backbone: MedicalTransformer, tmp_path: Path) -> None:
    one = saved(backbone)
    save_model(one, tmp_path)
    other = load_model(tmp_path)
    assert (other.preparation, other.pool, other.modalities) == (one.preparation, 2, ("T1w",))
    assert (other.backbone, other.about) == (one.backbone, one.about)


def test_a_bare_encoder_comes_back_as_a_backbone(backbone: MedicalTransformer, tmp_path: Path) -> None:
    save_model(saved(backbone), tmp_path)
    assert isinstance(load_model(tmp_path).network, MedicalTransformer)


def test_a_loaded_network_is_ready_to_predict(folder: Path) -> None:
    assert not load_model(folder).network.training


def test_loading_leaves_the_callers_randomness_alone(folder: Path) -> None:
    with torch.random.fork_rng():
        torch.manual_seed(3)
        load_model(folder)
        after = torch.rand(1)
        torch.manual_seed(3)
        assert torch.equal(torch.rand(1), after)


def test_a_model_that_was_prepared_by_another_version_is_refused(folder: Path) -> None:
    change(folder, lambda config: config.update(preparation_fingerprint="0123456789ab"))
    with pytest.raises(WeightsError, match=r"config\.json.*prepares scans otherwise"):
        load_model(folder)


def test_a_folder_without_a_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="no model folder"):
        load_model(tmp_path)


def test_a_folder_whose_weights_are_missing_is_refused(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    with pytest.raises(WeightsError, match=r"model\.safetensors"):
        load_model(folder)


@pytest.mark.parametrize(
    "key", ["backbone", "task", "preparation", "preparation_fingerprint", "pool", "modalities", "about"]
)
def test_a_configuration_that_lacks_something_is_refused(folder: Path, key: str) -> None:
    change(folder, lambda config: config.pop(key) and None)
    with pytest.raises(WeightsError, match=r"config\.json.*not a model configuration"):
        load_model(folder)


@pytest.mark.parametrize(
    "edit",
    [
        lambda config: ["a", "list"],
        lambda config: config["backbone"].update(name="medical-transformr"),
        lambda config: config["backbone"].update(settings=[1, 2]),
        lambda config: config.update(backbone="medical-transformer"),
        lambda config: config["task"].update(kind="telepathy"),
        lambda config: config["task"].update(claases=["A", "B"]),
        lambda config: config["preparation"].update(pool=99),
        lambda config: config.update(modalities=None),
    ],
)
def test_a_damaged_configuration_is_refused(folder: Path, edit: Callable[[Any], Any]) -> None:
    change(folder, edit)
    with pytest.raises(WeightsError, match=r"config\.json"):
        load_model(folder)


def test_a_configuration_that_is_no_json_is_refused(folder: Path) -> None:
    (folder / "config.json").write_text("{half a")
    with pytest.raises(WeightsError, match=r"config\.json"):
        load_model(folder)


def test_a_format_of_the_future_is_refused(folder: Path) -> None:
    change(folder, lambda config: config.update(format=2))
    with pytest.raises(WeightsError, match="format 2"):
        load_model(folder)


def test_weights_of_another_size_are_refused_by_tensor(folder: Path) -> None:
    change(folder, lambda config: config["backbone"]["settings"].update(embedding=10))
    with pytest.raises(WeightsError, match=r"embed"):
        load_model(folder)
