"""What tables say of a method beside its scores is true of how it was made."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from medical_transformer.experiments import FinetuneConfig, finetune, listing, models
from medical_transformer.experiments.comparison import Compared, ComparisonConfig
from medical_transformer.experiments.comparison.collecting import protocol
from medical_transformer.experiments.comparison.facts import facts_about_methods, group_of
from medical_transformer.tasks import Regression

from .conftest import BACKBONE, TRAINING

Experiment = Callable[..., ComparisonConfig]
Everything = tuple[ComparisonConfig, Path, Compared]


def test_a_method_stands_under_the_kind_of_pretraining_that_it_starts_from(
    experiment: Experiment, pretraining: dict[str, Any], encoder: Path, prepared: Path, tmp_path: Path
) -> None:
    age = {"task": Regression(label="age_years"), "backbone": BACKBONE, "training": TRAINING, "validation": 0.33}
    tuned = finetune(prepared, tmp_path, FinetuneConfig.model_validate(age)).folder
    expected = {
        "scratch": ({}, "none"),
        "taught": ({"pretraining": "two-stages"}, "self-supervised"),
        "brought": ({"encoder": encoder}, "self-supervised"),
        "probe": ({"kind": "probe", "encoder": encoder}, "self-supervised"),
        "tuned": ({"encoder": tuned}, "supervised"),
        "video": ({"backbone": {"name": "i3d", "weights": "i3d-kinetics-rgb"}}, "supervised"),
        "genesis": ({"backbone": {"name": "models-genesis", "weights": "chest.pt"}}, "self-supervised"),
        "classical": ({"kind": "classical"}, "none"),
        "stated": ({"pretraining": "two-stages", "group": "ours"}, "ours"),
    }
    methods = {name: method for name, (method, _) in expected.items()}
    config = experiment(methods=methods, pretraining={"two-stages": pretraining})
    assert {name: group_of(config, name) for name in methods} == {name: group for name, (_, group) in expected.items()}


def test_tables_and_protocol_tell_the_sources_and_licences_that_the_list_of_methods_tells(
    experiment: Experiment, pretraining: dict[str, Any], encoder: Path, everything: Everything
) -> None:
    methods = {
        "video": {"backbone": {"name": "i3d", "weights": "i3d-kinetics-rgb"}},
        "brought": {"encoder": encoder, "backbone": BACKBONE},
        "shipped": {"kind": "probe", "encoder": "encoder"},
        "classical": {"kind": "classical"},
    }
    tissues = {**pretraining, "settings": {**pretraining["settings"], "method": {"name": "slice-tissues"}}}
    config = experiment(methods=methods, reference="video", pretraining={"tissues": tissues})
    notes = {one.name: " ".join(one.notes) for one in facts_about_methods(config, everything[2].trials.trials)}
    listed = {(one["kind"], one["name"]): one for one in listing()}
    told = {
        "video": [("backbone", "i3d")],
        "brought": [("backbone", "medical-transformer"), ("pretraining", "medical-transformer")],
        "shipped": [("pretraining", "slice-tissues")],
        "classical": [("classical", "tissue-volumes")],
    }
    for name, origins in told.items():
        for one in (listed[origin] for origin in origins):
            assert f"({one['source']}, {one['licence']})" in notes[name], name
    assert listed["backbone", "i3d"]["weights"] in notes["video"]
    assert shipped_terms() in notes["shipped"]
    tissues_told = listed["pretraining", "slice-tissues"]
    said = "{title}: {source}, {publication}; {licence}.".format(**tissues_told)
    assert protocol(config, {}, ())["pre-training"].endswith(said)


def shipped_terms() -> str:
    (one,) = [one for one in models() if one.name == "encoder"]
    return f"Terms of the weights 'encoder' that it goes back to: {one.licence}; {one.data.rstrip('.')}."


def test_the_head_of_each_method_is_told(
    experiment: Experiment, everything: tuple[ComparisonConfig, Path, Compared]
) -> None:
    backbones = {
        "linear": {"name": "i3d", "settings": {"hidden": 0}},
        "narrow": {"name": "3d-ssl"},
        "wide": {"name": "medicalnet"},
    }
    config = experiment(methods={name: {"backbone": one} for name, one in backbones.items()}, reference="linear")
    heads = ["its head is linear.", "its head has a hidden layer of 64.", "its head has a hidden layer of 128."]
    said = [one.notes[-1].partition("; ")[2] for one in facts_about_methods(config, ())]
    assert said == heads
    (tumour,) = everything[2].trials.of("scratch", "tumour")
    trial = replace(tumour, method="narrow")
    assert facts_about_methods(config, [trial])[1].notes[-1].endswith("; its own decoder segments.")


@pytest.mark.parametrize(
    ("backbone", "printed"),
    [
        ({"settings": {"dropout": 0.3}}, ("2.402", "2.401", "2.410")),
        ({"settings": {"layers": 0}}, ()),
        (BACKBONE, ()),
        ({"name": "3d-ssl", "settings": {"momentum": 0.1, "intensities": "z-scored"}}, ("3.552", "3.551", "5.649")),
        ({"name": "models-genesis", "settings": {"hidden": 0}}, ("19.076",)),
        ({"name": "models-genesis", "settings": {"decoder": "linear"}}, ("7.093", "7.093")),
        ({"name": "medicalnet", "settings": {"depth": 10}}, ()),
        ({"name": "medicalnet"}, ("33.052", "33.051", "85.798")),
        ({"name": "niftynet-highres3dnet"}, ()),
        ({"name": "tissue-volumes"}, ()),
    ],
    ids=lambda one: " ".join(map(str, one.values())) if isinstance(one, dict) else "",
)
def test_the_printed_size_stands_beside_networks_of_the_size_that_table_3_counted(
    experiment: Experiment, backbone: dict[str, Any], printed: tuple[str, ...]
) -> None:
    """The name of the method, here that of another row of Table 3, decides nothing."""
    config = experiment(methods={"niftynet": {"backbone": backbone}}, reference="niftynet")
    (facts,) = facts_about_methods(config, ())
    assert tuple(facts.printed.values()) == printed


def test_the_protocol_says_how_methods_start_and_are_trained(
    experiment: Experiment, pretraining: dict[str, Any]
) -> None:
    methods = {"scratch": {"title": "Alone"}, "taught": {"pretraining": "two-stages", "training": {"epochs": 7}}}
    config = experiment(methods=methods, pretraining={"two-stages": pretraining})
    said = protocol(config, {}, ())
    assert said["start"] == "Alone: starts from random weights. taught: starts from the pre-training two-stages."
    assert said["pre-training"].startswith(
        "two-stages teaches medical-transformer by medical-transformer on the scans of those whom the fold does not "
        "test (exemplar: epochs 1, patience 30, batch_size 4, learning_rate 0.001, decay 0.99, "
    )
    assert said["training"].startswith("every network: epochs 1, patience 30, batch_size 4, learning_rate 0.001, ")
    assert said["training"].endswith("; method taught: epochs 7")


@pytest.mark.parametrize("name", ["device", "compile"])
def test_where_a_network_is_computed_is_no_part_of_the_protocol(experiment: Experiment, name: str) -> None:
    assert name not in protocol(experiment(), {}, ())["training"]
