"""A model is found by its folder or by its name, and whatever comes with the package can be published."""

import tomllib
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from medical_transformer.backbones import MedicalTransformer
from medical_transformer.errors import WeightsError
from medical_transformer.preprocessing import PipelineConfig
from medical_transformer.tasks import (
    Regression,
    SavedModel,
    TaskModel,
    find_model,
    load_model,
    save_model,
    shipped,
    shipped_models,
)
from medical_transformer.tasks.shipped import SHIPPED, lasting_name, place_of

ROOT = Path(__file__).parents[2]


def write_model(backbone: MedicalTransformer, folder: Path) -> Path:
    settings = {"name": "medical-transformer", "settings": backbone.config.model_dump(mode="json")}
    model = TaskModel(backbone, Regression(label="age_years", unit="years"))
    save_model(SavedModel(model, settings, PipelineConfig(), 2, ("T1w",)), folder)
    return folder


@pytest.fixture
def package(backbone: MedicalTransformer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package with one model, and a working folder without any."""
    monkeypatch.setattr(shipped, "SHIPPED", tmp_path / "package")
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    return write_model(backbone, tmp_path / "package" / "brain-age").parent


def test_a_name_is_found_with_the_package(package: Path) -> None:
    assert shipped_models() == ("brain-age",)
    assert find_model("brain-age") == package / "brain-age"


def test_a_folder_that_holds_a_model_wins_over_a_name(package: Path, backbone: MedicalTransformer) -> None:
    write_model(backbone, Path("brain-age"))
    assert find_model("brain-age") == Path("brain-age")


def test_a_folder_of_something_else_does_not_hide_a_name(package: Path) -> None:
    Path("brain-age").mkdir()
    Path("brain-age", "config.json").write_text("{}")  # as a run has one
    assert find_model("brain-age") == package / "brain-age"


@pytest.mark.parametrize("named", ["brain-aeg", "./brain-age", "elsewhere/brain-age", "/brain-age"])
def test_an_unknown_name_is_refused_with_those_that_exist_and_a_folder_as_the_other_way(
    package: Path, named: str
) -> None:
    with pytest.raises(WeightsError, match=rf"No model '{named}'.*[Gg]ive a model folder.*there are: brain-age\."):
        find_model(named)


def test_a_folder_without_a_model_is_refused_for_what_it_is(package: Path) -> None:
    Path("run").mkdir()
    with pytest.raises(WeightsError, match=r"run is no model folder: it has no config\.json.*brain-age"):
        find_model("run")


def test_a_relative_path_is_seen_from_where_it_was_written_and_a_name_from_anywhere(
    package: Path, backbone: MedicalTransformer, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "experiments"
    write_model(backbone, elsewhere / "mine")
    assert place_of(Path("mine"), beside=elsewhere) == elsewhere / "mine"
    assert place_of(Path("brain-age"), beside=elsewhere) == package / "brain-age"
    assert place_of(Path("missing"), beside=elsewhere) == elsewhere / "missing"


def test_a_name_is_written_down_as_it_is_and_a_folder_with_its_whole_path(
    package: Path, backbone: MedicalTransformer
) -> None:
    write_model(backbone, Path("mine"))
    assert lasting_name("brain-age") == "brain-age"
    assert lasting_name("mine") == str(Path("mine").resolve())


@pytest.mark.parametrize("name", shipped_models())
def test_a_model_that_ships_loads_in_this_version_and_answers_numbers(name: str) -> None:
    saved = load_model(find_model(name))
    with torch.inference_mode():
        brain = torch.rand((1, len(saved.modalities), *saved.field_of_view), generator=torch.Generator().manual_seed(0))
        network = saved.network
        found = network(brain, torch.zeros(1)) if isinstance(network, TaskModel) else network(brain).vector
    assert torch.isfinite(found).all()


@pytest.mark.parametrize("name", shipped_models())
def test_a_model_that_ships_names_nobody_and_says_its_licence(name: str) -> None:
    about = load_model(find_model(name)).about
    assert "subjects" not in about
    assert about["subject_count"] > 0
    assert about["published"]["licence"]
    assert about["published"]["data"]


@pytest.mark.parametrize("name", shipped_models())
def test_the_card_of_a_model_that_ships_says_its_score_and_its_licence(name: str) -> None:
    card = (find_model(name) / "README.md").read_text(encoding="utf-8")
    published = load_model(find_model(name)).about["published"]
    assert published["licence"] in card
    tested = "95 % CI " in published["score"]
    interval = published["score"].split(" (")[-1].split(")")[0].removeprefix("95 % CI ")
    assert (interval if tested else "held-out subjects") in card


@pytest.mark.parametrize("name", shipped_models())
def test_the_weights_of_a_model_that_ships_are_small_and_halved(name: str) -> None:
    tensors = load_file(find_model(name) / "model.safetensors")
    assert {tensor.dtype for tensor in tensors.values() if tensor.ndim > 1} == {torch.float16}
    assert (find_model(name) / "model.safetensors").stat().st_size < 8e6


@pytest.mark.parametrize("place", ["any-name/config.json", "any-name/model.safetensors", "any-name/README.md"])
def test_what_lies_in_the_models_folder_comes_with_an_installed_package(place: str) -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    patterns = settings["tool"]["setuptools"]["package-data"]["medical_transformer"]
    # A star of setuptools does not cross folders, and neither does one of `match`, which counts from the right.
    path = Path("models") / place
    assert any(path.match(pattern) and pattern.count("/") == 2 for pattern in patterns)
    assert SHIPPED == ROOT / "src" / "medical_transformer" / "models"
