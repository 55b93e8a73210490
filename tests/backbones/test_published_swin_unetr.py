"""Swin UNETR's published weights, without the heads of their pretext tasks."""

from pathlib import Path

import torch

from medical_transformer.backbones import (
    load_published,
)

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
