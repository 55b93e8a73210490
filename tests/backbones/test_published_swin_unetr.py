"""Swin UNETR's published weights, without the heads of their pretext tasks."""

import re
from pathlib import Path

import pytest
import torch

from medical_transformer.backbones import (
    load_published,
)
from medical_transformer.errors import WeightsError

from .published_samples import network


def test_swin_weights_are_loaded_without_the_heads_of_their_pretext_tasks(tmp_path: Path) -> None:
    own = network("swin-unetr", seed=1, width=12).state_dict()
    file = {
        "module." + name.removeprefix("swin.").replace(".mlp.linear", ".mlp.fc"): tensor for name, tensor in own.items()
    }
    assert "module.layers2.0.blocks.1.mlp.fc2.bias" in file
    path = tmp_path / "model_swinvit.pt"
    torch.save({"state_dict": {**file, "module.rotation_head.weight": torch.ones(4, 2)}}, path)
    backbone = network("swin-unetr", width=12)
    loaded = load_published("swin-unetr", backbone, str(path))
    assert set(loaded.account.loaded) == set(own)
    assert loaded.account.unused == ("rotation_head.weight",)
    assert all(torch.equal(backbone.state_dict()[name], tensor) for name, tensor in own.items())


@pytest.mark.parametrize("wrapper", ["model", "state_dict", None])
@pytest.mark.parametrize(("prefix", "stage"), [("encoder.", ".0.0."), ("swinViT.", ".0."), ("encoder.", ".0.")])
def test_swin_weights_are_loaded_in_every_public_naming(
    prefix: str, stage: str, wrapper: str | None, tmp_path: Path
) -> None:
    own = network("swin-unetr", seed=1, width=12).state_dict()
    plain = {name.removeprefix("swin."): tensor for name, tensor in own.items()}
    file = {prefix + re.sub(r"^(layers\d)\.0\.", rf"\1{stage}", name): tensor for name, tensor in plain.items()}
    file["encoder.mask_token"] = torch.zeros(1, 12)
    torch.save(file if wrapper is None else {wrapper: file, "epoch": 3}, tmp_path / "weights.pth")
    backbone = network("swin-unetr", width=12)
    loaded = load_published("swin-unetr", backbone, str(tmp_path / "weights.pth"))
    assert loaded.account.unused == ("encoder.mask_token",)
    assert all(torch.equal(backbone.state_dict()[name], tensor) for name, tensor in own.items())


def test_a_file_of_another_network_is_told_which_names_are_expected(tmp_path: Path) -> None:
    torch.save({"stem.weight": torch.rand(4, 1, 3)}, tmp_path / "other.pth")
    with pytest.raises(WeightsError, match=r"'stem.weight'; expected names such as 'patch_embed\.proj\.weight'"):
        load_published("swin-unetr", network("swin-unetr", width=12), str(tmp_path / "other.pth"))
