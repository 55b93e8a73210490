"""Every pretext task by its name: what a run writes, that it goes on where it stopped, and what is refused."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from pydantic import BaseModel, ValidationError

from medical_transformer.backbones import BACKBONES, BackboneEntry
from medical_transformer.cli.pretrain import METHODS as NAMES
from medical_transformer.contracts import Backbone, Encoding
from medical_transformer.errors import CohortError, CollapseError, ConfigError, NonFiniteLossError, TrainingError
from medical_transformer.experiments import METHODS, BackboneConfig, PretrainConfig, pretext_tasks, pretrain
from medical_transformer.experiments.progress import EpochProgress
from medical_transformer.pretraining import AnyMethod, JigsawSettings, load_permutations
from medical_transformer.tasks import load_model

from .conftest import BACKBONE as SLICES
from .conftest import training

# Known by its contract only, and quick.
BACKBONE = BackboneConfig(name="tiny", settings={"width": 6})


class TinyConfig(BaseModel):
    """Its settings."""

    in_channels: int = 1
    width: int = 4


class Tiny(Backbone):
    """Two strided convolutions."""

    def __init__(self, config: TinyConfig) -> None:
        super().__init__()
        self.in_channels, self.feature_size = config.in_channels, 2 * config.width
        self.map_channels = (2 * config.width, config.width)
        self.fine = torch.nn.Conv3d(config.in_channels, config.width, 3, stride=2, padding=1)
        self.coarse = torch.nn.Conv3d(config.width, 2 * config.width, 3, stride=2, padding=1)

    def forward(self, volumes: torch.Tensor, *, maps: bool = False) -> Encoding:
        """Encode by two convolutions."""
        fine = self.fine(volumes).relu()
        coarse = self.coarse(fine).relu()
        return Encoding(coarse.mean(dim=(2, 3, 4)), (coarse, fine) if maps else ())


@pytest.fixture(scope="module", autouse=True)
def tiny_is_a_backbone() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(BACKBONES, "tiny", BackboneEntry(TinyConfig, Tiny, "Tiny", "", ""))  # type: ignore[arg-type]
        yield


TWO_STAGES = ("medical-transformer", "slice-tissues")
TASKS = tuple(name for name in METHODS if name not in TWO_STAGES)
SMALL = {"3d-cpc": {"code_size": 16}, "3d-exemplar": {"code_size": 16}}


def config(name: str, **settings: object) -> PretrainConfig:
    return PretrainConfig.model_validate(
        {
            "method": {"name": name, **SMALL.get(name, {})},
            "backbone": BACKBONE,
            "training": training(epochs=2),
            "validation": 0.33,
            **settings,
        }
    )


def test_the_command_line_knows_every_method() -> None:
    assert tuple(METHODS) == NAMES


def test_every_method_has_settings_of_its_name() -> None:
    known = {kind.model_fields["name"].default for kind in AnyMethod.__origin__.__args__}  # type: ignore[attr-defined]
    assert known == set(METHODS)


@pytest.mark.parametrize("name", TASKS)
def test_a_run_leaves_an_encoder_a_journal_and_a_report_with_chance(name: str, prepared: Path, tmp_path: Path) -> None:
    done = pretrain(prepared, tmp_path, config(name))
    saved = load_model(done.folder)
    assert saved.backbone["settings"] == {"in_channels": 1, "width": 6}
    assert saved.about["method"] == name
    assert METHODS[name].teaches in (done.folder / "README.md").read_text()
    assert "by chance:" in (done.folder / "README.md").read_text()
    (stage,) = done.stages
    assert len((tmp_path / "stage-1" / "journal.tsv").read_text().splitlines()) == 3
    page = (tmp_path / "report.html").read_text()
    assert METHODS[name].title in page
    for number, value in stage.chance.items():
        assert f'{number.replace("_", " ")}</th><td class="number">' in page
        assert f'<td class="number">{value:.4g}</td>' in page


def test_slice_tissues_are_another_first_stage_before_the_paper_s_second(prepared: Path, tmp_path: Path) -> None:
    short = training(epochs=2)
    done = pretrain(prepared, tmp_path, config("slice-tissues", backbone=SLICES, masked=short, training=short))
    assert [stage.title for stage in done.stages] == ["slice tissues", "masked encoding"]
    for number in (1, 2):
        assert len((tmp_path / f"stage-{number}" / "journal.tsv").read_text().splitlines()) == 3
    page = (tmp_path / "report.html").read_text()
    assert "Stage 1: slice tissues" in page
    assert METHODS["slice-tissues"].teaches in (done.folder / "README.md").read_text()


def test_cells_are_set_as_other_settings_are(prepared: Path, tmp_path: Path) -> None:
    one = config("slice-tissues", backbone=SLICES, masked=training(epochs=1), training=training(epochs=1))
    coarse = one.model_copy(update={"method": one.method.model_copy(update={"cells": (2, 2, 2)})})
    losses = {
        cells: pretrain(prepared, tmp_path / cells, chosen).stages[0].best["loss"]
        for cells, chosen in (("fine", one), ("coarse", coarse))
    }
    assert losses["fine"] != losses["coarse"]


def test_the_two_stages_leave_a_report_too(encoder: Path) -> None:
    page = (encoder.parent / "report.html").read_text()
    assert "Stage 1: exemplar" in page
    assert "Stage 2: masked encoding" in page


@pytest.mark.parametrize("name", ["3d-jigsaw", "models-genesis"])
def test_a_run_that_was_stopped_goes_on_as_if_it_had_not_been(
    name: str, prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: object) -> None:
        raise InterruptedError

    whole = pretrain(prepared, tmp_path / "whole", config(name))
    monkeypatch.setattr(EpochProgress, "__call__", stop)
    with pytest.raises(InterruptedError):
        pretrain(prepared, tmp_path / "stopped", config(name))
    monkeypatch.undo()
    assert len((tmp_path / "stopped" / "stage-1" / "journal.tsv").read_text().splitlines()) == 2
    gone_on = pretrain(prepared, tmp_path / "stopped", config(name))
    before, after = (load_model(done.folder).network.state_dict() for done in (whole, gone_on))
    assert all(torch.equal(before[part], after[part]) for part in before)


def test_the_permutations_of_a_jigsaw_are_kept_with_the_run(prepared: Path, tmp_path: Path) -> None:
    for seed in (0, 1):
        settings = {"training": training(epochs=1, seed=seed)}
        pretrain(prepared, tmp_path / str(seed), config("3d-jigsaw", **settings))
    one, other = (load_permutations(tmp_path / str(seed) / "permutations.tsv") for seed in (0, 1))
    assert one.shape == (100, 27)
    assert not torch.equal(one, other)


def test_a_long_search_for_distant_permutations_is_announced_and_done_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = JigsawSettings(choice="distant", permutations=5)
    for said in ("Choosing 5 permutations that lie far apart", ""):
        pretext_tasks.build_pretext(settings, Tiny(TinyConfig()), tmp_path, 0)
        found = capsys.readouterr().err
        assert said in found
        assert bool(said) == bool(found)


def test_a_damaged_table_of_permutations_is_refused(prepared: Path, tmp_path: Path) -> None:
    (tmp_path / "permutations.tsv").write_text("permutation\n0\t1\n")
    with pytest.raises(TrainingError, match=r"permutations\.tsv"):
        pretrain(prepared, tmp_path, config("3d-jigsaw"))


@pytest.mark.parametrize("name", ["medical-transformer", "3d-exemplar", "3d-cpc"])
def test_negatives_are_at_hand_in_every_batch(
    name: str, write_cohort: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whose scans are in a batch is known to the loop only where negatives are needed."""
    from medical_transformer.training.fit import Loop

    owners = []
    plain = Loop._train
    monkeypatch.setattr(Loop, "_train", lambda loop, epoch: (owners.append(loop.split.owner), plain(loop, epoch))[1])
    once = training(epochs=1)
    settings: dict[str, object] = {"exemplar": once, "masked": once, "training": once}
    if name == "medical-transformer":
        settings["backbone"] = SLICES
    done = pretrain(write_cohort(tmp_path / "prepared", subjects=6), tmp_path / "run", config(name, **settings))
    subjects = set(load_model(done.folder).about["subjects"])
    assert set(owners[0].values()) < subjects
    assert all(not owner for owner in owners[1:])


def test_one_subject_to_choose_the_epoch_is_too_few_where_subjects_are_compared(
    write_cohort: Callable[..., Path], tmp_path: Path
) -> None:
    prepared = write_cohort(tmp_path / "prepared", subjects=3)
    with pytest.raises(CohortError, match=r"Only sub-\d is held out"):
        pretrain(prepared, tmp_path / "run", config("3d-exemplar"))
    pretrain(prepared, tmp_path / "other", config("3d-rotation", training=training(epochs=1)))


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("3d-rpl", "batch normalisation"),
        ("3d-rotation", "batch normalisation"),
        ("3d-jigsaw", "batch normalisation"),
        ("3d-cpc", "negatives"),
        ("3d-exemplar", "negatives"),
    ],
)
def test_a_single_scan_in_a_batch_is_refused_where_two_are_needed_and_why(name: str, why: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=f"batch size of 2 or more: .*{why}"):
        pretrain(tmp_path / "no-such-folder", tmp_path, config(name, training=training(batch_size=1)))


def test_a_single_scan_in_a_batch_is_enough_to_restore_it_and_the_network_is_named_at_the_start(
    prepared: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = {"training": training(epochs=1, batch_size=1)}
    (stage,) = pretrain(prepared, tmp_path, config("models-genesis", **settings)).stages
    assert stage.best["epoch"] == 1
    assert "Models Genesis teaches backbone tiny, 0.002 M weights." in capsys.readouterr().err


@pytest.mark.parametrize(
    ("method", "backbone"), [("3d-exemplar", "tissue-volumes"), ("medical-transformer", "tiny"), ("3d-rpl", "resnet")]
)
def test_a_backbone_that_a_method_cannot_teach_is_refused_before_scans_are_read(
    method: str, backbone: str, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match=f"backbone '{backbone}'"):
        pretrain(tmp_path / "no-such-folder", tmp_path, config(method, backbone={"name": backbone}))


def test_an_encoder_that_collapses_stops_the_run(
    prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build = pretext_tasks._build

    def flat(settings: object, backbone: torch.nn.Module, *rest: object) -> object:
        for parameter in backbone.parameters():
            parameter.requires_grad_(False).zero_()
        return build(settings, backbone, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(pretext_tasks, "_build", flat)
    with pytest.raises(CollapseError, match="collapsed"):
        pretrain(prepared, tmp_path, config("3d-rotation"))


def test_a_loss_that_is_not_finite_stops_the_run_and_names_the_scans(
    prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build = pretext_tasks._build

    def broken(settings: object, backbone: torch.nn.Module, *rest: object) -> object:
        torch.nn.init.constant_(next(backbone.parameters()), torch.inf)
        return build(settings, backbone, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(pretext_tasks, "_build", broken)
    with pytest.raises(NonFiniteLossError, match=r"nan in epoch 1, step 1, on the scans sub-\d"):
        pretrain(prepared, tmp_path, config("models-genesis"))


def test_an_unknown_method_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ValidationError, match="3d-rotation"):
        PretrainConfig.model_validate({"method": {"name": "3d-crossword"}})


def test_a_cube_without_a_side_is_refused_by_its_settings() -> None:
    with pytest.raises(ValidationError, match="greater than or equal to 1"):
        PretrainConfig.model_validate({"method": {"name": "models-genesis", "cube": [0, 8, 8]}})


def test_settings_of_another_method_are_refused() -> None:
    with pytest.raises(ValidationError, match="side"):
        PretrainConfig.model_validate({"method": {"name": "3d-cpc", "side": 64}})
