"""Another backbone goes through the same protocol: only a name differs."""

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from medical_transformer.backbones import build_backbone, published_files
from medical_transformer.backbones.published_files import KnownWeights
from medical_transformer.cohorts import Cohort
from medical_transformer.errors import TrainingError, WeightsError
from medical_transformer.experiments import (
    BackboneConfig,
    FinetuneConfig,
    InputConfig,
    PretrainConfig,
    export,
    finetune,
    pretrain,
    training_run,
)
from medical_transformer.experiments.cards import write_finetuned_card
from medical_transformer.experiments.data import open_data
from medical_transformer.experiments.finetune import facts_about
from medical_transformer.experiments.inherited import weights_of_others
from medical_transformer.experiments.training_run import build_model, new_backbone, run_identity
from medical_transformer.pretraining import RotationSettings
from medical_transformer.tasks import AnyTask, Classification, Segmentation, TaskModel, load_model
from medical_transformer.training.fit import Split

from .conftest import training

SEX = Classification(label="sex", classes=("female", "male"))
LESION = Segmentation(values=(1, 2), regions={"lesion": (1, 2)})
SMALL: dict[str, Any] = {"name": "medicalnet", "settings": {"depth": 10}}


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a file as MedicalNet's authors release them."""
    with torch.random.fork_rng():
        torch.manual_seed(7)
        own = build_backbone("medicalnet", {"depth": 10}).state_dict()
    path = tmp_path_factory.mktemp("released") / "resnet_10_23dataset.pth"
    torch.save({"state_dict": {f"module.{name.removeprefix('trunk.')}": value for name, value in own.items()}}, path)
    return path


def starting_from(weights: Path, **settings: Any) -> FinetuneConfig:
    network = {**SMALL, "settings": {**SMALL["settings"], **settings}, "weights": str(weights)}
    return FinetuneConfig(task=SEX, backbone=BackboneConfig(**network), training=training(epochs=1), validation=0.33)


@pytest.fixture(scope="module")
def tuned(released: Path, prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a model that started from the released file."""
    return finetune(prepared, tmp_path_factory.mktemp("tuned"), starting_from(released)).folder


@pytest.mark.parametrize("task", [SEX, LESION], ids=["classification", "segmentation"])
def test_a_rival_is_fine_tuned_saved_and_loaded(task: AnyTask, prepared: Path, tmp_path: Path) -> None:
    config = FinetuneConfig(
        task=task, backbone=BackboneConfig(name="3d-ssl"), training=training(epochs=1), validation=0.33
    )
    saved = load_model(finetune(prepared, tmp_path, config).folder)
    assert saved.backbone["name"] == "3d-ssl"
    data = open_data(prepared, InputConfig())
    outputs = saved.network(torch.from_numpy(data.store.volumes([0, 1])))
    assert outputs.shape == ((2, 2) if task is SEX else (2, 3, *data.store.spatial_shape))


def test_published_weights_are_the_start_and_their_account_is_printed(
    released: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    training_run._say_once.cache_clear()
    model = build_model(starting_from(released))
    expected = torch.load(released, weights_only=True)["state_dict"]["module.layer4.0.conv2.weight"]
    assert torch.equal(model.backbone.state_dict()["trunk.layer4.0.conv2.weight"], expected)
    printed = capsys.readouterr().err
    build_model(starting_from(released))
    assert not capsys.readouterr().err
    assert "sha256" in printed
    assert "MIT" in printed
    assert "loaded" in printed
    assert "z-scored over voxels that are not 0" in printed
    assert "the network brings prepared scans there (intensities: z-scored)" in " ".join(printed.split())


def test_published_weights_see_the_intensities_they_were_taught_on_when_the_model_is_used_again(
    tuned: Path, prepared: Path
) -> None:
    saved = load_model(tuned)
    assert saved.backbone["settings"]["intensities"] == "z-scored"
    assert isinstance(saved.network, TaskModel)
    scans = torch.from_numpy(open_data(prepared, InputConfig()).store.volumes([0, 1]))
    with torch.no_grad():
        answers, brighter = saved.network(scans), saved.network(0.5 * scans)
    torch.testing.assert_close(answers, brighter, rtol=1e-3, atol=1e-4)  # z-scores do not change with brightness
    card = (tuned / "README.md").read_text(encoding="utf-8")
    assert "| intensities in the network | z-scored |" in card
    assert "taught on CT and MRI, z-scored" in card
    assert "MIT" in card


@pytest.fixture(scope="module")
def taught(released: Path, prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return an encoder that started from the released file."""
    settings = starting_from(released).backbone
    config = PretrainConfig(backbone=settings, method=RotationSettings(), training=training(epochs=1), validation=0.33)
    return pretrain(prepared, tmp_path_factory.mktemp("taught"), config).folder


def test_cards_of_rivals_cite_their_network_and_what_pre_trained_it_and_not_the_paper(
    taught: Path, tuned: Path, encoder: Path, prepared: Path
) -> None:
    after = facts_about(FinetuneConfig(task=SEX, encoder=str(taught)), Cohort.load(prepared))
    saved = load_model(tuned)
    write_finetuned_card(replace(saved, about={**saved.about, **after}), starting_from(Path("x")), taught.parent)
    for folder, pretrained in ((taught, True), (tuned, False), (taught.parent, True)):
        cited = (folder / "README.md").read_text(encoding="utf-8").split("## Citation")[1]
        assert "- Network: MedicalNet (ResNet-18), arXiv 1904.00625" in cited
        assert ("Taleb et al. 2020" in cited) == pretrained
        assert "jun2021medical" not in cited
    assert "jun2021medical" in (encoder / "README.md").read_text(encoding="utf-8")


def test_checksum_and_terms_of_published_weights_go_on_to_the_encoder_its_export_and_every_model_made_from_it(
    released: Path, tuned: Path, taught: Path, tmp_path: Path
) -> None:
    encoder = taught
    exported = export(encoder, tmp_path / "out", half=False).folder
    checksum = hashlib.sha256(released.read_bytes()).hexdigest()
    for folder in (encoder, exported, tuned):
        card = (folder / "README.md").read_text(encoding="utf-8")
        (row,) = [line for line in card.splitlines() if line.startswith("|") and checksum in line]
        assert "only if it is the published one, 23 or 8 data sets: Tencent/MedicalNet, MIT" in row
        assert released.name in row
        (origin,) = load_model(folder).about["weights"]
        assert (origin["file"], origin["sha256"]) == (released.name, checksum)
        assert weights_of_others(BackboneConfig(**SMALL), str(folder)) == [origin]
    assert "It started from the" in (encoder / "README.md").read_text(encoding="utf-8")


def test_the_terms_an_encoder_was_published_under_go_on_beside_those_it_came_under(tuned: Path, tmp_path: Path) -> None:
    export(tuned, tmp_path / "sex", half=False, licence="CC-BY-SA-3.0", data="Drawn heads")
    came, published = weights_of_others(BackboneConfig(**SMALL), str(tmp_path / "sex"))
    assert "MIT" in came["terms"]
    assert (published["file"], published["terms"]) == ("sex", "CC-BY-SA-3.0; Drawn heads")


def test_settings_win_over_the_intensities_of_published_weights_and_this_is_said(
    released: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert build_model(starting_from(released, intensities="prepared")).backbone.intensities == "prepared"
    printed = " ".join(capsys.readouterr().err.split())
    assert "the network shows them 'prepared' intensities, and not 'z-scored' ones" in printed


def test_without_published_weights_scans_stay_as_they_were_prepared() -> None:
    assert BackboneConfig(**SMALL).settings == SMALL["settings"]
    assert build_backbone("medicalnet", {"depth": 10}).intensities == "prepared"


def test_an_encoder_that_was_taught_on_other_intensities_is_refused(
    tuned: Path,
) -> None:
    plain = FinetuneConfig(task=SEX, backbone=BackboneConfig(**SMALL), encoder=str(tuned), training=training())
    with pytest.raises(WeightsError, match=r"'z-scored' intensities.*`intensities: z-scored`"):
        build_model(plain)


def test_published_weights_of_another_network_are_refused(released: Path) -> None:
    with pytest.raises(WeightsError, match=r"resnet_10_23dataset\.pth"):
        new_backbone(BackboneConfig(name="models-genesis", weights=str(released)), InputConfig(), 0)


def test_a_name_stands_for_the_bytes_that_were_fetched(
    released: Path, prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publisher = tmp_path / "publisher.pth"
    monkeypatch.setattr(published_files, "KNOWN", {"named": KnownWeights("medicalnet", publisher.as_uri())})
    config = starting_from(Path("named"))
    data = open_data(prepared, config.input)
    pretraining = PretrainConfig(backbone=config.backbone, method=RotationSettings(), training=training(epochs=1))
    identities = []
    for cache, change in (("one", 0.0), ("other", 1.0)):
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / cache))
        content = torch.load(released, weights_only=True)
        content["state_dict"]["module.bn1.bias"] += change
        torch.save(content, publisher)
        identities.append(run_identity(data, Split((0, 1), (2,)), config))
        if cache == "one":
            pretrain(prepared, tmp_path / "run", pretraining)
    assert identities[0] != identities[1]
    with pytest.raises(TrainingError, match="belongs to a run with other settings"):
        pretrain(prepared, tmp_path / "run", pretraining)


def test_other_bytes_under_the_same_name_are_another_run(prepared: Path, tmp_path: Path) -> None:
    path = tmp_path / "weights.pth"
    config = starting_from(path)
    data = open_data(prepared, config.input)
    identities = []
    for content in (b"one", b"other"):
        path.write_bytes(content)
        identities.append(run_identity(data, Split((0, 1), (2,)), config))
    assert identities[0] != identities[1]
