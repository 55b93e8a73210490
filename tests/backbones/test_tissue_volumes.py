"""The backbone that measures instead of learning."""

from pathlib import Path

import pytest
import torch

from medical_transformer.backbones import build_backbone, load_published
from medical_transformer.errors import ConfigError, WeightsError
from medical_transformer.preprocessing.tissues import tissue_shares

SHAPE = (13, 16, 10)


def scans(count: int) -> torch.Tensor:
    return torch.rand((count, 1, *SHAPE), generator=torch.Generator().manual_seed(0))


def test_the_vector_of_a_scan_is_its_tissue_shares() -> None:
    backbone = build_backbone("tissue-volumes", {"shape": SHAPE, "cube": 5})
    volumes = scans(2)
    vectors = backbone(volumes).vector
    assert vectors.shape == (2, backbone.feature_size) == (2, 3 * 3 * 4 * 2)
    for vector, volume in zip(vectors, volumes, strict=True):
        torch.testing.assert_close(vector, torch.from_numpy(tissue_shares(volume[0].numpy(), 5)))


def test_it_has_nothing_to_learn() -> None:
    assert not list(build_backbone("tissue-volumes").parameters())


def test_scans_of_another_shape_are_refused_with_the_setting_to_change() -> None:
    with pytest.raises(ConfigError, match=r"shape: \[13, 16, 10\]"):
        build_backbone("tissue-volumes")(scans(1))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"cube": [6, 6]}, r"cube: expected one whole number, but found \[6, 6\]"),
        ({"shape": 13}, "shape: expected a list of 3 whole numbers, but found 13"),
        ({"shape": [13, 16]}, r"shape: expected a list of 3 whole numbers, but found \[13, 16\]"),
    ],
)
def test_another_number_of_numbers_is_told_how_many_were_expected(settings: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        build_backbone("tissue-volumes", settings)


def test_weights_for_what_learns_nothing_are_refused_in_these_words(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="learns nothing, so it has no weights"):
        load_published("tissue-volumes", build_backbone("tissue-volumes"), str(tmp_path / "weights.pth"))
