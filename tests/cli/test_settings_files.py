"""A settings file that is wrong is told so in a sentence, before anything is computed."""

import re
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from medical_transformer.cli.settings_files import merged, read_config, read_regions, section, validated
from medical_transformer.errors import ConfigError
from medical_transformer.experiments import InputConfig, PretrainConfig
from medical_transformer.experiments.comparison import ComparisonConfig
from medical_transformer.preprocessing import PipelineConfig


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"epochs": 3}, r"epochs: there is no such setting; did you mean training.epochs or exemplar.epochs"),
        ({"exemplar": {"epoch": 3}}, r"exemplar.epoch: there is no such setting; did you mean exemplar\.epochs\?"),
        ({"colour": 3}, r"colour: there is no such setting; there are method, input, "),
        (
            {"method": {"name": "3d-puzzle"}},
            r"method: there is no '3d-puzzle'; there are 'medical-transformer', '3d-rpl'",
        ),
        ({"exemplar": 3}, r"exemplar: expected settings by name, but found 3\."),
        ({"exemplar": {"epochs": "many"}}, r"exemplar.epochs: .*found 'many'"),
        ({"method": {"name": "slice-tissues", "cell": 3}}, r"settings\. method\.cell: there is no such setting"),
        ({"input": {"modality": "T1w"}}, r"input\.modality: there is no such setting"),
        ({"exemplar": {"epochs": [3, 4]}}, r"exemplar\.epochs: expected one whole number, but found \[3, 4\]\."),
    ],
)
def test_a_wrong_setting_names_its_place_and_the_nearest_right_one(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        validated(PretrainConfig, settings)


EXPERIMENT = {"title": "x", "tasks": {"a": {"prepared": "p"}}, "methods": {"b": {}}, "reference": "b"}


def tissues(cells: object) -> dict[str, Any]:
    return {"method": {"name": "slice-tissues", "cells": cells}}


@pytest.mark.parametrize(
    ("kind", "settings", "message"),
    [
        *(
            (PretrainConfig, tissues(cells), f"method.cells: expected a list of 3 whole numbers, but found {cells!r}.")
            for cells in ([8], [8, 10], [8, 10, 8, 9], 8, "8x10x8")
        ),
        (
            PretrainConfig,
            {"method": {"name": "models-genesis", "cube": [64, 64]}},
            "method.cube: expected a list of 3 whole numbers, but found [64, 64].",
        ),
        (
            ComparisonConfig,
            {**EXPERIMENT, "pretraining": {"q": {"prepared": "p", "settings": tissues([8, 10])}}},
            "pretraining.q.settings.method.cells: expected a list of 3 whole numbers, but found [8, 10].",
        ),
        (
            ComparisonConfig,
            {**EXPERIMENT, "tasks": {"a": {"prepared": "p", "groups": {"old": [60]}}}},
            "tasks.a.groups.old: expected a list of 2 numbers, but found [60].",
        ),
        (ComparisonConfig, {**EXPERIMENT, "seeds": 3}, "seeds: expected a list of whole numbers, but found 3."),
        (ComparisonConfig, {**EXPERIMENT, "seeds": []}, "seeds: expected a list of one or more whole numbers, but"),
        (ComparisonConfig, {**EXPERIMENT, "tasks": {}}, "tasks: dictionary should have at least 1 item"),
        (InputConfig, {"modalities": "T1w"}, "modalities: expected a list of words, but found 'T1w'."),
        (PipelineConfig, {"crop_shape": [96, 114]}, "crop_shape: expected a list of 3 whole numbers, but found [96"),
    ],
)
def test_a_list_of_another_length_is_told_the_length_that_was_expected(
    kind: type[BaseModel], settings: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=re.escape(f"Wrong settings. {message}")) as told:
        validated(kind, settings)
    assert str(told.value).count("found") <= 1


def test_a_wrong_setting_of_a_method_is_named_as_it_was_written() -> None:
    with pytest.raises(ConfigError, match=r"methods\.b\.head: input should be 'random' or 'fitted'; found 'fit'"):
        validated(ComparisonConfig, {**EXPERIMENT, "methods": {"b": {"head": "fit"}}})


def test_sentences_of_our_own_checks_are_kept() -> None:
    settings = {"title": "x", "tasks": {"a": {"prepared": "p"}}, "methods": {"b": {}}, "reference": "c"}
    with pytest.raises(ConfigError, match="reference names 'c', but there are: b"):
        validated(ComparisonConfig, settings)


def test_options_win_over_the_file_setting_by_setting() -> None:
    assert merged({"a": {"b": 1, "c": 2}, "d": 3}, {"a": {"b": 4}}) == {"a": {"b": 4, "c": 2}, "d": 3}


def test_a_single_value_is_not_replaced_in_silence() -> None:
    with pytest.raises(ConfigError, match="input: expected settings by name, but found 2"):
        merged({"input": 2}, {"input": {"pool": 2}})


def test_a_section_that_is_none_is_told() -> None:
    with pytest.raises(ConfigError, match="backbone: expected settings by name, but found '3d-ssl'"):
        section({"backbone": "3d-ssl"}, "backbone")


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"absent\.yaml: no such file or directory"):
        read_config(tmp_path / "absent.yaml")


@pytest.mark.parametrize("content", [b"- 1\n", b"\xff\xfe\x00", b"a: [1\n"])
def test_a_file_that_holds_no_settings_is_named(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "wrong.yaml").write_bytes(content)
    with pytest.raises(ConfigError, match=r"wrong\.yaml: "):
        read_config(tmp_path / "wrong.yaml")


def test_regions_are_names_with_label_values(tmp_path: Path) -> None:
    path = tmp_path / "regions.yaml"
    path.write_text("ventricles: [4, 11]\nbrainstem: [35]\n")
    assert read_regions(path) == {"ventricles": (4, 11), "brainstem": (35,)}
    assert read_regions(None) is None


@pytest.mark.parametrize("text", ["ventricles: 4", "ventricles: []", "ventricles: [0]", "{}", "ventricles: [left]"])
def test_regions_without_label_values_are_refused_with_an_example(text: str, tmp_path: Path) -> None:
    path = tmp_path / "regions.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=r"regions\.yaml: regions are names with lists"):
        read_regions(path)


@pytest.mark.parametrize("typed", [["--batch-size", "0"], ["--batch-size=0"]])
def test_a_wrong_setting_that_was_typed_is_named_as_it_was_typed(
    typed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.argv", ["medtrans", "pretrain", *typed])
    with pytest.raises(ConfigError, match=r"settings\. exemplar\.epochs: .* --batch-size \(exemplar\.batch_size\): "):
        validated(PretrainConfig, {"exemplar": {"batch_size": 0, "epochs": 0}})
