"""What `finetune` and `evaluate` share, and how a network is chosen."""

import inspect
from pathlib import Path
from typing import Any

import pytest

from medical_transformer.cli.evaluate import evaluate
from medical_transformer.cli.finetune import finetune
from medical_transformer.cli.options import choose_backbone
from medical_transformer.cli.pretrain import pretrain
from medical_transformer.cli.training_options import FinetuneOptions, finetune_config
from medical_transformer.errors import ConfigError

TASK = {"kind": "regression", "label": "age_years"}


def test_finetune_and_evaluate_take_the_same_options_but_for_the_folds() -> None:
    one, other = (inspect.signature(verb).parameters for verb in (finetune, evaluate))
    assert set(other) - set(one) == {"folds", "fold_seed"}
    assert set(one) - set(other) == set()
    assert all(one[name].annotation == other[name].annotation for name in one)


def test_every_training_verb_takes_a_backbone_and_weights() -> None:
    for verb in (pretrain, finetune, evaluate):
        assert {"backbone", "preset", "weights"} <= set(inspect.signature(verb).parameters)


def test_a_verb_receives_what_was_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    received: list[Any] = []
    monkeypatch.setattr("medical_transformer.cli.finetune.finetune_config", lambda *words: received.append(words))
    monkeypatch.setattr("medical_transformer.cli.options.say", lambda _: None)
    monkeypatch.setattr("medical_transformer.experiments.finetune", lambda *_: type("Done", (), {"folder": tmp_path}))
    words = {name: one.default for name, one in inspect.signature(finetune).parameters.items()}
    finetune(**{**words, "prepared": tmp_path, "out": tmp_path, "label": "sex", "epochs": 3, "backbone": "i3d"})
    ((prepared, asked, written),) = received
    assert (prepared, written) == (tmp_path, {})
    assert asked == FinetuneOptions(label="sex", epochs=3, backbone="i3d")


def test_a_backbone_is_chosen_by_name() -> None:
    assert choose_backbone({"input": {}}, "i3d", None, "file.pt") == {
        "input": {},
        "backbone": {"name": "i3d", "weights": "file.pt"},
    }


def test_without_a_choice_settings_stay_as_they_are() -> None:
    for settings in ({}, {"backbone": {"name": "medicalnet", "settings": {"depth": 10}}}):
        assert choose_backbone(settings, None, None, None) == settings


def test_settings_of_the_chosen_backbone_stay_and_those_of_another_are_dropped() -> None:
    written = {"backbone": {"name": "medicalnet", "settings": {"depth": 10}}}
    assert choose_backbone(written, "medicalnet", None, None) == written
    assert choose_backbone(written, "i3d", None, None) == {"backbone": {"name": "i3d"}}


def test_a_preset_is_of_the_medical_transformer() -> None:
    chosen = choose_backbone({}, None, "no-transformer", None)
    assert chosen == {"backbone": {"name": "medical-transformer", "settings": {"layers": 0}}}
    with pytest.raises(ConfigError, match="not of i3d"):
        choose_backbone({}, "i3d", "text", None)
    with pytest.raises(ConfigError, match="no preset 'txt'"):
        choose_backbone({}, None, "txt", None)


def test_an_unknown_backbone_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(ConfigError, match="Did you mean 'medicalnet'"):
        choose_backbone({}, "medicalnett", None, None)


def test_what_the_command_line_says_wins_over_the_file(tmp_path: Path) -> None:
    asked = FinetuneOptions(label="age_years", backbone="3d-ssl", weights=None, epochs=2)
    written = {"task": TASK, "training": {"epochs": 9, "seed": 4}, "backbone": {"settings": {"width": 8}}}
    config = finetune_config(tmp_path, asked, written)
    assert (config.training.epochs, config.training.seed) == (2, 4)
    assert (config.backbone.name, config.backbone.settings) == ("3d-ssl", {})


def test_an_encoder_and_published_weights_are_two_starts() -> None:
    from medical_transformer.experiments import FinetuneConfig

    with pytest.raises(ValueError, match="two starts"):
        FinetuneConfig.model_validate({"task": TASK, "encoder": "a", "backbone": {"name": "i3d", "weights": "b"}})


def test_the_intracranial_volume_is_asked_for_beside_a_task_that_a_file_describes(tmp_path: Path) -> None:
    asked = FinetuneOptions(label="age_years", icv=True)
    assert finetune_config(tmp_path, asked, {"task": TASK}).task.icv
    assert not finetune_config(tmp_path, FinetuneOptions(label="age_years"), {"task": TASK}).task.icv
