"""I3D's published weights, in both namings of the file."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from medical_transformer.backbones import (
    load_published,
)
from medical_transformer.errors import WeightsError

from .published_samples import Tensors, draws, network

# The branches of a mixed block: published in two namings.
BRANCHES = {
    "direct": ("b0", "branch_0"), "reduce_1": ("b1a", "branch_1.0"), "expand_1": ("b1b", "branch_1.1"),
    "reduce_2": ("b2a", "branch_2.0"), "expand_2": ("b2b", "branch_2.1"), "pooled": ("b3b", "branch_3.1"),
}  # fmt: skip
STEMS = {"conv_1a": "Conv3d_1a_7x7", "conv_2b": "Conv3d_2b_1x1", "conv_2c": "Conv3d_2c_3x3"}


def named(own: str, norm: str, naming: int) -> str:
    part, *rest, layer, kind = own.split(".")
    where = STEMS[part] if part in STEMS else f"Mixed_{rest[0]}.{BRANCHES[rest[1]][naming]}"
    return f"{where}.{ {'conv': 'conv3d', 'norm': norm}[layer] }.{kind}"


def piergiaj(own: str) -> str:
    return named(own, "bn", 0)


def hassony(own: str) -> str:
    spelt = named(own, "batch3d", 1)
    return spelt[0].lower() + spelt[1:]


def kinetics(naming: Callable[[str], str], logits: str) -> Tensors:
    """Return an RGB file: three colours in, 400 actions out."""
    own = network("i3d", seed=1, in_channels=3).state_dict()
    file = {naming(name): tensor for name, tensor in own.items() if not name.endswith("num_batches_tracked")}
    return file | {f"{logits}.conv3d.weight": draws((400, 1024, 1, 1, 1), 1), f"{logits}.conv3d.bias": draws((400,), 2)}


@pytest.fixture(scope="module", params=["piergiaj", "hassony2"])
def i3d_file(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("i3d")
    if request.param == "piergiaj":
        # Written by PyTorch 0.3: an older container, and no counters.
        torch.save(kinetics(piergiaj, "logits"), folder / "rgb_imagenet.pt", _use_new_zipfile_serialization=False)
        return folder / "rgb_imagenet.pt"
    torch.save(kinetics(hassony, "conv3d_0c_1x1"), folder / "model_rgb.pth")
    return folder / "model_rgb.pth"


@torch.no_grad()
def test_i3d_answers_a_grey_image_as_with_three_equal_colours(i3d_file: Path) -> None:
    backbone, rgb = network("i3d").eval(), network("i3d", seed=1, in_channels=3).eval()
    loaded = load_published("i3d", backbone, str(i3d_file))
    grey = torch.rand((1, 1, 18, 20, 22), generator=torch.Generator().manual_seed(0))
    expected = rgb(grey.expand(-1, 3, -1, -1, -1)).vector
    torch.testing.assert_close(backbone(grey).vector, expected, rtol=1e-3, atol=1e-6)
    assert loaded.account.adapted == ("conv_1a.conv.weight",)
    assert loaded.reasons["conv_1a.conv.weight"] == "3 colour channels summed to one"
    # 57 convolutions with four tensors of a norm each, all but the stem's as they are, and only counters lacking.
    assert len(loaded.account.loaded) == 57 * 5 - 1
    assert {name.rsplit(".", 1)[1] for name in loaded.account.new} == {"num_batches_tracked"}
    assert len(loaded.account.unused) == 2


def test_the_account_says_all_that_became_of_i3ds_stem(i3d_file: Path) -> None:
    loaded = load_published("i3d", network("i3d", in_channels=4), str(i3d_file))
    expected = "3 colour channels summed to one, repeated for every modality"
    assert ("conv_1a.conv.weight", "adapted", expected) in loaded.rows()


def test_a_tensor_of_another_network_is_not_taken_for_i3ds(tmp_path: Path) -> None:
    torch.save({**kinetics(piergiaj, "logits"), "Mixed_6a.b0.conv3d.weight": torch.ones(2)}, tmp_path / "other.pt")
    with pytest.raises(WeightsError, match=r"other\.pt.*Mixed_6a"):
        load_published("i3d", network("i3d"), str(tmp_path / "other.pt"))


@pytest.mark.parametrize("shape", [(64,), (64, 2, 7, 7, 7)])
def test_a_first_convolution_that_is_not_for_colours_is_not_taken_for_i3ds(
    shape: tuple[int, ...], tmp_path: Path
) -> None:
    torch.save({"Conv3d_1a_7x7.conv3d.weight": torch.rand(shape)}, tmp_path / "flow.pt")
    with pytest.raises(WeightsError, match=r"flow\.pt.*has the shape \(64"):
        load_published("i3d", network("i3d"), str(tmp_path / "flow.pt"))
