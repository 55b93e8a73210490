"""A start that cannot work is refused when the experiment is opened, and not hours later."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from medical_transformer.errors import ConfigError, MedicalTransformerError, WeightsError
from medical_transformer.experiments.comparison import ComparisonConfig, compare

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


def test_weights_of_another_network_are_refused(experiment: Experiment, tmp_path: Path) -> None:
    torch.save({"stem.weight": torch.rand(4, 1, 3)}, tmp_path / "other.pth")
    weights = str(tmp_path / "other.pth")
    methods = {"medicalnet": {"backbone": {"name": "medicalnet", "weights": weights}}}
    refused(
        experiment(methods=methods, reference="medicalnet"), tmp_path, WeightsError, r"other\.pth: .*'stem\.weight'"
    )
