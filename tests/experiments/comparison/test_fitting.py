"""A start that cannot work is refused when the experiment is opened, and not hours later."""

from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
import torch

from medical_transformer.errors import ConfigError, MedicalTransformerError, WeightsError
from medical_transformer.experiments.comparison import ComparisonConfig, compare
from medical_transformer.experiments.comparison.fitting import check_heads, check_starts
from medical_transformer.experiments.comparison.opening import open_task
from medical_transformer.experiments.comparison.setup import set_up
from medical_transformer.experiments.comparison.units import Unit

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
        refused(config, tmp_path, ConfigError, f"Method 'other': .*{sentence}")


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
        with pytest.raises(ConfigError, match=f"Method 'other' cannot start from {called or encoder}: .*{sentence}"):
            check_starts(config)


def test_a_start_of_other_intensities_is_refused(experiment: Experiment, prepared: Path) -> None:
    taught = {"backbone": {"name": "3d-ssl", "settings": {"intensities": "z-scored"}}, "method": {"name": "3d-rpl"}}
    methods = {"other": {"backbone": {"name": "3d-ssl"}, "pretraining": "rpl"}}
    entries = {"rpl": {"prepared": prepared, "settings": taught}}
    config = experiment(methods=methods, reference="other", pretraining=entries)
    with pytest.raises(ConfigError, match=r"Method 'other' .*'z-scored' intensities.*'prepared' ones"):
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
