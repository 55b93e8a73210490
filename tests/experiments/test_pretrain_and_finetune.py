"""Two stages of pre-training, then fine-tuning from what they left."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from medical_transformer.backbones import MedicalTransformer
from medical_transformer.errors import CohortError, ConfigError, WeightsError
from medical_transformer.experiments import FinetuneConfig, InputConfig, PretrainConfig, finetune, pretrain
from medical_transformer.experiments.config import BackboneConfig
from medical_transformer.experiments.encoders import load_encoder
from medical_transformer.experiments.training_run import build_model, new_backbone
from medical_transformer.tasks import Classification, Regression, TaskModel, load_model

from .conftest import BACKBONE, training

SEX = Classification(label="sex", classes=("female", "male"))
AGE = Regression(label="age_years", unit="years")


def finetuning(**settings: object) -> FinetuneConfig:
    return FinetuneConfig.model_validate(
        {"task": SEX, "backbone": BACKBONE, "training": training(), "validation": 0.33, **settings}
    )


def test_pretraining_leaves_an_encoder_with_a_card_and_two_journals(encoder: Path) -> None:
    assert {path.name for path in encoder.iterdir()} == {"model.safetensors", "config.json", "README.md"}
    for stage in ("stage-1", "stage-2"):
        assert len((encoder.parent / stage / "journal.tsv").read_text().splitlines()) == 3


def test_an_encoder_knows_whom_it_has_seen_and_how_they_were_prepared(encoder: Path) -> None:
    saved = load_model(encoder)
    assert isinstance(saved.network, MedicalTransformer)
    assert saved.about["subjects"] == [f"sub-{number}" for number in range(9)]
    assert saved.preparation.pool == 8
    assert saved.modalities == ("T1w",)


def test_pretraining_changes_encoders_and_transformer(encoder: Path) -> None:
    before = new_backbone(BACKBONE, InputConfig(), 0).state_dict()
    after = load_model(encoder).network.state_dict()
    for part in ("encoders.axial.stem.weight", "encoders.coronal.embed.weight", "transformer.segments"):
        assert not torch.equal(before[part], after[part]), part


def test_pretraining_needs_slice_encoders(prepared: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="resnet"):
        pretrain(prepared, tmp_path, PretrainConfig(backbone=BackboneConfig(name="resnet")))


def test_too_few_subjects_are_refused_with_the_share_that_would_do_and_leave_no_settings_behind(
    write_cohort: Callable[..., Path], tmp_path: Path
) -> None:
    four, two = (write_cohort(tmp_path / str(count), subjects=count) for count in (4, 2))
    out = tmp_path / "run"
    with pytest.raises(
        CohortError,
        match=r"4 subjects are too few to hold out 20%; set `validation: 0\.33` in --config, or add scans\.",
    ):
        pretrain(four, out, PretrainConfig(backbone=BACKBONE, exemplar=training(), masked=training()))
    with pytest.raises(CohortError, match=r"3 subjects are too few to hold out 20%; add scans\."):
        pretrain(write_cohort(tmp_path / "three", subjects=3), out, PretrainConfig(backbone=BACKBONE))
    with pytest.raises(CohortError, match=r"1 subject is too few to hold out 33%; add scans\."):
        finetune(write_cohort(tmp_path / "one", subjects=1), out, finetuning(task=Regression(label="grade")))
    with pytest.raises(CohortError, match=r"2 subjects are too few to hold out 33%; add scans\."):
        finetune(two, out, finetuning())
    assert not (out / "config.json").exists()
    assert not (out / "run.json").exists()


def test_pretraining_needs_two_scans_in_a_batch(prepared: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="batch size"):
        pretrain(prepared, tmp_path, PretrainConfig(backbone=BACKBONE, exemplar=training(batch_size=1)))


def test_a_finished_pretraining_is_not_done_again(encoder: Path, prepared: Path) -> None:
    config = PretrainConfig.model_validate_json((encoder.parent / "config.json").read_text())
    before = (encoder / "model.safetensors").read_bytes()
    again = pretrain(prepared, encoder.parent, config)
    assert (encoder / "model.safetensors").read_bytes() == before
    assert [record.epoch for record in again.stages[0].fitted.journal.records] == [1, 2]


def test_an_encoder_learns_only_from_those_who_were_named(prepared: Path, tmp_path: Path) -> None:
    some = frozenset(f"sub-{number}" for number in range(6))
    config = PretrainConfig(backbone=BACKBONE, exemplar=training(epochs=1), masked=training(epochs=1), validation=0.33)
    about = load_model(pretrain(prepared, tmp_path, config, subjects=some).folder).about
    assert set(about["subjects"]) == some
    assert about["contents"] == [f"{number:016x}" for number in range(6)]


def test_initial_weights_are_decided_by_the_seed_alone() -> None:
    one, other = (new_backbone(BACKBONE, InputConfig(), 3).state_dict() for _ in range(2))
    third = new_backbone(BACKBONE, InputConfig(), 4).state_dict()
    assert all(torch.equal(one[name], other[name]) for name in one)
    assert not torch.equal(one["encoders.axial.stem.weight"], third["encoders.axial.stem.weight"])


def test_finetuning_starts_from_the_encoder(encoder: Path) -> None:
    model = build_model(finetuning(encoder=str(encoder)))
    for name, value in load_model(encoder).network.state_dict().items():
        assert torch.equal(model.backbone.state_dict()[name], value), name


def test_the_encoders_stem_is_repeated_for_several_modalities(encoder: Path) -> None:
    four = new_backbone(BACKBONE, InputConfig(modalities=("T1w", "T1ce", "T2w", "FLAIR")), 0)
    loaded = load_encoder(four, encoder, 1)
    assert len(loaded.adapted) == 3


@pytest.mark.parametrize(("pool", "said"), [(1, False), (2, True)])
def test_an_encoder_of_another_grid_is_taken_and_told(
    encoder: Path, capsys: pytest.CaptureFixture[str], pool: int, said: bool
) -> None:
    build_model(finetuning(encoder=str(encoder), input=InputConfig(pool=pool)))
    assert ("was taught on scans of pool 1, but the network is shown pool 2" in capsys.readouterr().err) == said


def test_an_encoder_of_another_size_is_refused_by_tensor(encoder: Path) -> None:
    other = BackboneConfig(settings={**BACKBONE.settings, "embedding": 10})
    with pytest.raises(WeightsError, match=r"embed\.weight.*\(8, 32\).*\(10, 32\).*leave --preset .*config\.json"):
        build_model(finetuning(encoder=str(encoder), backbone=other))


def test_an_encoders_transformer_is_left_out_where_the_network_has_none(
    encoder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Table 5 asks what the transformer adds."""
    bare = BackboneConfig(settings={**BACKBONE.settings, "layers": 0})
    model = build_model(finetuning(encoder=str(encoder), backbone=bare))
    before = load_model(encoder).network.state_dict()
    own = model.backbone.state_dict()
    assert own.keys() == {name for name in before if not name.startswith("transformer.")}
    assert all(torch.equal(value, before[name]) for name, value in own.items())
    assert f"{len(before) - len(own)} tensors of its transformer are left out" in capsys.readouterr().err


def test_finetuning_leaves_a_model_that_can_be_loaded(encoder: Path, prepared: Path, tmp_path: Path) -> None:
    done = finetune(prepared, tmp_path, finetuning(encoder=str(encoder)))
    saved = load_model(done.folder)
    assert isinstance(saved.network, TaskModel)
    assert saved.network.task == SEX
    assert len(done.fitted.journal.records) == 2
    assert json.loads((tmp_path / "config.json").read_text())["encoder"] == str(encoder)
    assert "random weights" not in (done.folder / "README.md").read_text()


def test_a_finetuned_model_can_be_an_encoder_too(prepared: Path, tmp_path: Path) -> None:
    done = finetune(prepared, tmp_path / "sex", finetuning(training=training(epochs=1)))
    model = build_model(finetuning(task=AGE, encoder=str(done.folder)))
    network = load_model(done.folder).network
    assert isinstance(network, TaskModel)
    for name, value in network.backbone.state_dict().items():
        assert torch.equal(model.backbone.state_dict()[name], value), name


def test_a_regression_answers_in_years(prepared: Path, tmp_path: Path) -> None:
    done = finetune(prepared, tmp_path, finetuning(task=AGE))
    network = load_model(done.folder).network
    answer = float(network(torch.zeros(1, 1, 20, 24, 16))[0, 0].detach())
    assert 30 < answer < 75


def test_an_unknown_label_is_refused_with_the_known_ones(prepared: Path, tmp_path: Path) -> None:
    with pytest.raises(CohortError, match=r"'agee'.*age_years, grade, sex"):
        finetune(prepared, tmp_path, finetuning(task=Regression(label="agee")))


def test_a_missing_modality_is_named(prepared: Path, tmp_path: Path) -> None:
    with pytest.raises(CohortError, match="FLAIR"):
        finetune(prepared, tmp_path, finetuning(input=InputConfig(modalities=("T1w", "FLAIR"))))


def test_a_folder_that_was_not_prepared_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CohortError, match=tmp_path.name):
        finetune(tmp_path, tmp_path / "out", finetuning())
