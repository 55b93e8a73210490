"""A run is taken up from its folder alone, with the same result."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from medical_transformer.errors import ConfigError
from medical_transformer.experiments import (
    EvaluateConfig,
    FinetuneConfig,
    PretrainConfig,
    evaluate,
    finetune,
    pretrain,
    two_stages,
)
from medical_transformer.experiments.resuming import resume
from medical_transformer.tasks import Classification
from medical_transformer.training.fit import Loop

from .conftest import BACKBONE, training

SEX = Classification(label="sex", classes=("female", "male"))
PRETRAINING = PretrainConfig(backbone=BACKBONE, exemplar=training(), masked=training(), validation=0.33)
FINETUNING = FinetuneConfig(task=SEX, backbone=BACKBONE, training=training(checkpoint_minutes=0), validation=0.33)
BRIEF = FINETUNING.model_copy(update={"training": training(epochs=1)})
RUNS: dict[str, tuple[Callable[[Path, Path], Any], str]] = {
    "pretrain": (lambda prepared, out: pretrain(prepared, out, PRETRAINING), "encoder/model.safetensors"),
    "finetune": (lambda prepared, out: finetune(prepared, out, FINETUNING), "model/model.safetensors"),
    "evaluate": (
        lambda prepared, out: evaluate(prepared, out, EvaluateConfig(finetune=BRIEF, folds=3)),
        "predictions.tsv",
    ),
}


@pytest.fixture
def dies_at_the_third_step(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    step, done = Loop._step, []

    def stepping(loop: Any, *place: Any) -> float:
        done.append(place)
        if len(done) == 3:
            raise KeyboardInterrupt
        return step(loop, *place)

    monkeypatch.setattr(Loop, "_step", stepping)
    return monkeypatch


@pytest.mark.parametrize("verb", RUNS)
def test_a_run_that_died_ends_with_the_same_bytes_when_it_is_resumed(
    verb: str, prepared: Path, tmp_path: Path, dies_at_the_third_step: pytest.MonkeyPatch
) -> None:
    start, left = RUNS[verb]
    with pytest.raises(KeyboardInterrupt):
        start(prepared, tmp_path / "died")
    dies_at_the_third_step.undo()
    start(prepared, tmp_path / "whole")
    resume(tmp_path / "died", verb)
    assert (tmp_path / "died" / left).read_bytes() == (tmp_path / "whole" / left).read_bytes()


def test_a_stage_of_slice_vectors_that_has_ended_is_taken_up_without_encoding_a_scan(
    encoder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(encoder.parent, tmp_path / "run")
    (tmp_path / "run" / "encoder" / "model.safetensors").unlink()
    (tmp_path / "run" / "stage-2" / "journal.tsv").unlink()  # as if it had stopped between checkpoint and journal
    monkeypatch.setattr(two_stages, "encode_scans", lambda *_: pytest.fail("a scan was encoded"))
    resume(tmp_path / "run", "pretrain")
    for left in ("encoder/model.safetensors", "encoder/config.json", "stage-1/journal.tsv", "stage-2/journal.tsv"):
        assert (tmp_path / "run" / left).read_bytes() == (encoder.parent / left).read_bytes(), left


def test_a_stage_of_slice_vectors_that_has_not_ended_is_taught_on(
    prepared: Path, encoder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    epoch, done = Loop.run_epoch, []

    def stopping(loop: Any) -> Any:
        if len(done) == 3:
            raise KeyboardInterrupt
        done.append(loop)
        return epoch(loop)

    monkeypatch.setattr(Loop, "run_epoch", stopping)
    with pytest.raises(KeyboardInterrupt):  # after the first of stage 2
        pretrain(prepared, tmp_path, PRETRAINING)
    monkeypatch.undo()
    resume(tmp_path, "pretrain")
    left = "encoder/model.safetensors"
    assert (tmp_path / left).read_bytes() == (encoder.parent / left).read_bytes()


def test_a_folder_without_a_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"run\.json"):
        resume(tmp_path, "finetune")


@pytest.mark.parametrize(
    ("origin", "hint"),
    [
        ({"verb": "pretrain", "prepared": ".", "subjects": None}, "medtrans pretrain --resume"),
        ({"verb": "finetune", "prepared": "/nowhere", "subjects": None}, r"/nowhere.*moved"),
    ],
)
def test_a_run_that_cannot_be_resumed_says_what_to_do(tmp_path: Path, origin: dict[str, Any], hint: str) -> None:
    (tmp_path / "run.json").write_text(json.dumps(origin))
    with pytest.raises(ConfigError, match=hint):
        resume(tmp_path, "finetune")


@pytest.mark.parametrize("content", ["{", "[1]", "{}"])
def test_a_damaged_origin_is_named(tmp_path: Path, content: str) -> None:
    (tmp_path / "run.json").write_text(content)
    with pytest.raises(ConfigError, match=r"run\.json: damaged; repeat the command"):
        resume(tmp_path, "finetune")
