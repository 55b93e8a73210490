"""A start that cannot work is refused when the experiment is opened, and not hours later."""

from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
import torch

from medical_transformer.backbones import build_backbone
from medical_transformer.backbones.weights import write_tensors
from medical_transformer.errors import ConfigError, MedicalTransformerError, WeightsError
from medical_transformer.experiments.comparison import ComparisonConfig, compare
from medical_transformer.experiments.comparison.fitting import check_heads, check_starts
from medical_transformer.experiments.comparison.opening import open_task
from medical_transformer.experiments.comparison.setup import set_up
from medical_transformer.experiments.comparison.units import Unit
from medical_transformer.preprocessing import PipelineConfig
from medical_transformer.tasks import SavedModel, save_model

from .conftest import BACKBONE

Experiment = Callable[..., ComparisonConfig]


def refused(config: ComparisonConfig, out: Path, error: type[MedicalTransformerError], message: str) -> None:
    with pytest.raises(error, match=message):
        compare(config, out)
    assert not (out / "units").exists()
    assert not (out / "pretraining").exists()


def test_a_start_of_another_backbone_is_refused(
    experiment: Experiment, pretraining: dict[str, Any], encoder: Path, tmp_path: Path
) -> None:
    sentence = "holds a medical-transformer, but its backbone is 3d-ssl"
    for start in ({"pretraining": "two-stages"}, {"encoder": encoder}):
        methods = {"other": {"backbone": {"name": "3d-ssl"}, **start}}
        taught = {"two-stages": pretraining}
        config = experiment(methods=methods, reference="other", pretraining=taught, allow_seen_scans=True)
        refused(config, tmp_path, ConfigError, f"Method 'other', task 'brain-age': .*{sentence}")


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"embedding": 10}, r"embed\.weight' has shape \(8, 32\) in the weights but \(10, 32\)"),
        ({"layers": 2}, r"lack \d+ tensors of the network: transformer\."),
        ({"shared_transformer": False}, r"lack \d+ tensors of the network: transformer\."),
    ],
    ids=["wider", "deeper", "a transformer per plane"],
)
def test_a_start_of_other_settings_is_refused_by_its_first_tensor(
    experiment: Experiment,
    pretraining: dict[str, Any],
    encoder: Path,
    settings: dict[str, Any],
    sentence: str,
) -> None:
    own = {"settings": BACKBONE["settings"] | settings}
    for start, called in (({"pretraining": "two-stages"}, "pre-training 'two-stages'"), ({"encoder": encoder}, "")):
        methods = {"other": {"backbone": own, **start}}
        taught = {"two-stages": pretraining}
        config = experiment(methods=methods, reference="other", pretraining=taught, allow_seen_scans=True)
        with pytest.raises(
            ConfigError, match=f"'other', task 'brain-age': cannot start from {called or encoder}: .*{sentence}"
        ):
            check_starts(config)


def test_a_start_of_other_intensities_is_refused(experiment: Experiment, prepared: Path) -> None:
    taught = {"backbone": {"name": "3d-ssl", "settings": {"intensities": "z-scored"}}, "method": {"name": "3d-rpl"}}
    methods = {"other": {"backbone": {"name": "3d-ssl"}, "pretraining": "rpl"}}
    entries = {"rpl": {"prepared": prepared, "settings": taught}}
    config = experiment(methods=methods, reference="other", pretraining=entries)
    with pytest.raises(ConfigError, match=r"Method 'other', .*'z-scored' intensities.*'prepared' ones"):
        check_starts(config)


@pytest.mark.parametrize(
    ("seen", "taught", "fits"), [(1, 1, True), (4, 1, True), (4, 4, True), (1, 4, False), (4, 2, False)]
)
def test_only_a_stem_of_one_channel_suits_other_modalities(
    experiment: Experiment, pretraining: dict[str, Any], seen: int, taught: int, fits: bool
) -> None:
    modalities = ("T1w", "T1ce", "T2w", "FLAIR")
    entry = pretraining | {"settings": pretraining["settings"] | {"input": {"modalities": modalities[:taught]}}}
    methods = {"transfer": {"backbone": BACKBONE, "pretraining": "two-stages"}}
    config = experiment(
        methods=methods,
        reference="transfer",
        pretraining={"two-stages": entry},
        input={"modalities": modalities[:seen]},
    )
    with nullcontext() if fits else pytest.raises(ConfigError, match=r"cannot start from .*stem\.weight"):
        check_starts(config)


def test_a_network_without_a_transformer_may_start_from_one_with_it(
    experiment: Experiment, pretraining: dict[str, Any]
) -> None:
    """Table 5 asks what the transformer adds."""
    bare = {"settings": BACKBONE["settings"] | {"layers": 0}}
    methods = {"bare": {"backbone": bare, "pretraining": "two-stages"}}
    check_starts(experiment(methods=methods, reference="bare", pretraining={"two-stages": pretraining}))


@pytest.mark.parametrize(("seen", "taught", "fits"), [(1, 1, True), (4, 4, True), (4, 1, False), (2, 4, False)])
def test_a_probe_shows_its_encoder_as_many_modalities_as_it_was_taught_on(
    experiment: Experiment, pretraining: dict[str, Any], seen: int, taught: int, fits: bool
) -> None:
    """Of a frozen stem nothing can be repeated; a segmentation, which no probe answers, does not matter."""
    modalities, prepared = ("T1w", "T1ce", "T2w", "FLAIR"), pretraining["prepared"]
    entry = pretraining | {"settings": pretraining["settings"] | {"input": {"modalities": modalities[:taught]}}}
    tasks = {
        "tumour": {"prepared": prepared, "input": {"modalities": modalities[:3]}},
        "age": {"prepared": prepared, "label": "age_years", "input": {"modalities": modalities[:seen]}},
    }
    methods = {"probe": {"kind": "probe", "pretraining": "two-stages"}}
    config = experiment(tasks=tasks, methods=methods, reference="probe", pretraining={"two-stages": entry})
    names = [", ".join(modalities[:count]) for count in (taught, seen)]
    told = "Method 'probe', task 'age': pre-training 'two-stages' was taught on {}, but is shown {}\\.".format(*names)
    with nullcontext() if fits else pytest.raises(ConfigError, match=told):
        check_starts(config)


def test_a_probe_of_a_given_encoder_is_refused_for_its_modalities(
    experiment: Experiment, encoder: Path, tmp_path: Path
) -> None:
    methods = {"probe": {"kind": "probe", "encoder": encoder}}
    config = experiment(methods=methods, reference="probe", input={"modalities": ("T1w", "T2w")})
    refused(config, tmp_path, ConfigError, "Method 'probe', task 'brain-age': .*encoder was taught on T1w, but")


def test_a_decoder_that_does_not_fit_is_refused_where_the_task_segments(
    experiment: Experiment, prepared: Path, tmp_path: Path
) -> None:
    torch.manual_seed(5)
    network = build_backbone("3d-ssl")
    saved = SavedModel(network, {"name": "3d-ssl", "settings": {}}, PipelineConfig(pool=8), 1, ("T1w",))
    save_model(saved, tmp_path / "taught")
    write_tensors({"rises.0.weight": torch.zeros(3, 5)}, tmp_path / "taught" / "decoder.safetensors")
    ages, maps = ({"prepared": prepared, "label": label} for label in ("age_years", "segmentation"))
    methods = {"taught": {"backbone": {"name": "3d-ssl"}, "encoder": tmp_path / "taught"}}
    check_starts(experiment(tasks={"age": ages}, methods=methods, reference="taught"))
    config = experiment(tasks={"age": ages, "tumour": maps}, methods=methods, reference="taught")
    told = r"Method 'taught', task 'tumour': .*decoder\.safetensors: .*delete that file"
    refused(config, tmp_path / "out", WeightsError, told)


@pytest.mark.parametrize(
    ("shown", "settings", "fits"), [(1, {}, True), (4, {}, True), (1, {"width": 24}, False), (4, {"width": 24}, False)]
)
def test_a_file_of_weights_is_held_against_every_tensor(
    experiment: Experiment, tmp_path: Path, shown: int, settings: dict[str, Any], fits: bool
) -> None:
    torch.manual_seed(5)
    tensors = build_backbone("swin-unetr", {"width": 12}).state_dict()
    torch.save({name.removeprefix("swin."): tensor for name, tensor in tensors.items()}, tmp_path / "swin.pth")
    own = {"name": "swin-unetr", "weights": str(tmp_path / "swin.pth"), "settings": {"width": 12} | settings}
    modalities = ("T1w", "T1ce", "T2w", "FLAIR")[:shown]
    methods = {"swin": {"backbone": own}}
    config = experiment(methods=methods, reference="swin", input={"modalities": modalities})
    told = r"Method 'swin', task 'brain-age': .*swin\.pth: Tensor 'swin\.patch_embed.* has shape"
    with nullcontext() if fits else pytest.raises(WeightsError, match=told):
        check_starts(config)


def test_a_file_that_a_pretraining_begins_with_is_refused_by_its_name(experiment: Experiment, tmp_path: Path) -> None:
    torch.save({"stem.weight": torch.rand(4, 1, 3)}, tmp_path / "other.pth")
    taught = {"backbone": {"name": "medicalnet", "weights": str(tmp_path / "other.pth")}, "method": {"name": "3d-rpl"}}
    config = experiment(pretraining={"rpl": {"prepared": tmp_path, "settings": taught}})
    refused(config, tmp_path, WeightsError, r"Pre-training 'rpl': .*other\.pth")


def test_a_head_that_cannot_be_fitted_is_refused(experiment: Experiment, tmp_path: Path) -> None:
    hidden = {"fitted": {"backbone": {"name": "3d-ssl"}, "head": "fitted"}}
    config = experiment(methods=hidden, reference="fitted")
    refused(config, tmp_path, ConfigError, "Method 'fitted', task 'brain-age': `head: fitted` needs a linear head")


def test_a_method_of_a_fitted_head_segments_with_the_head_that_it_has(
    experiment: Experiment, prepared: Path, tmp_path: Path
) -> None:
    tasks = {"age": {"prepared": prepared, "label": "age_years"}, "tumour": {"prepared": prepared}}
    methods = {"fitted": {"backbone": BACKBONE, "head": "fitted"}}
    config = experiment(tasks=tasks, methods=methods, reference="fitted")
    opened = {name: open_task(config, name) for name in tasks}
    check_heads(config, opened.values())
    heads = {
        name: [one.head for one in set_up(config, task, Unit(name, "fitted", 1.0, 0, 1), tmp_path).candidates]
        for name, task in opened.items()
    }
    assert heads == {"age": ["fitted"], "tumour": ["random"]}


def test_weights_of_another_network_are_refused(experiment: Experiment, tmp_path: Path) -> None:
    torch.save({"stem.weight": torch.rand(4, 1, 3)}, tmp_path / "other.pth")
    weights = str(tmp_path / "other.pth")
    methods = {"medicalnet": {"backbone": {"name": "medicalnet", "weights": weights}}}
    refused(
        experiment(methods=methods, reference="medicalnet"), tmp_path, WeightsError, r"other\.pth: .*'stem\.weight'"
    )
