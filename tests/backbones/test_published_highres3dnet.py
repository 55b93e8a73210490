"""HighRes3DNet's published weights, mapped by kind and order."""

from pathlib import Path

import pytest
import torch

from medical_transformer.backbones import (
    load_published,
)
from medical_transformer.errors import WeightsError

from .published_samples import Tensors, draws, network, norm


def highresnet() -> dict[str, tuple[int, ...]]:
    """Return names and shapes of the ported parcellation network, in the order of its file."""
    block = "convolutional_block"
    shapes = {f"block.0.{block}.1.weight": (16, 1, 3, 3, 3), **norm(f"block.0.{block}.2", 16)}
    source = 16
    for stage, target in enumerate((16, 32, 64), start=1):
        for unit in range(3):
            for layer in range(2):
                name = f"block.{stage}.dilation_block.{unit}.residual_block.{layer}.{block}"
                shapes |= norm(f"{name}.0", source) | {f"{name}.3.weight": (target, source, 3, 3, 3)}
                source = target
    shapes |= {f"block.4.{block}.0.weight": (80, 64, 1, 1, 1), **norm(f"block.4.{block}.1", 80)}
    return shapes | {f"block.6.{block}.0.weight": (160, 80, 1, 1, 1), **norm(f"block.6.{block}.1", 160)}


def highresnet_tensors() -> Tensors:
    shapes = highresnet()
    return {
        name: draws(shape, number) if shape else torch.tensor(0) for number, (name, shape) in enumerate(shapes.items())
    }


def test_the_parcellation_weights_are_mapped_by_kind_and_order(tmp_path: Path) -> None:
    tensors = highresnet_tensors()
    assert len(tensors) == 126
    path = tmp_path / "highres3dnet_li_parameters-7d297872.pth"
    torch.save(tensors, path)
    backbone = network("niftynet-highres3dnet")
    loaded = load_published("niftynet-highres3dnet", backbone, str(path))
    own, second = backbone.state_dict(), "block.3.dilation_block.1.residual_block.1.convolutional_block"
    for ours, theirs in {
        "blocks.0.conv.weight": "block.0.convolutional_block.1.weight",
        "blocks.0.adn.N.bias": "block.0.convolutional_block.2.bias",
        # The second layer of the second residual block of dilation 4.
        "blocks.8.layers.3.conv.weight": f"{second}.3.weight",
        "blocks.8.layers.2.N.running_var": f"{second}.0.running_var",
        "blocks.10.conv.weight": "block.4.convolutional_block.0.weight",
    }.items():
        assert torch.equal(own[ours].flatten(), tensors[theirs].flatten()), ours
    assert loaded.account.new == ()
    assert {name.split(".")[1] for name in loaded.account.unused} == {"6"}


def test_a_file_in_another_order_is_not_taken_for_the_parcellation(tmp_path: Path) -> None:
    tensors = dict(reversed(highresnet_tensors().items()))
    torch.save(tensors, tmp_path / "turned.pth")
    with pytest.raises(WeightsError, match=r"turned\.pth.*126 tensors"):
        load_published("niftynet-highres3dnet", network("niftynet-highres3dnet"), str(tmp_path / "turned.pth"))
