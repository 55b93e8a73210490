"""The published weights of Models Genesis, with and without its decoder."""

from pathlib import Path

import pytest
import torch

from medical_transformer.backbones import (
    load_published,
    load_published_decoder,
)
from medical_transformer.errors import WeightsError

from .published_samples import genesis_tensors, network


def test_models_genesis_is_loaded_without_its_running_statistics(genesis_file: Path) -> None:
    tensors = genesis_tensors()
    assert len(tensors) == 106
    backbone = network("models-genesis")
    loaded = load_published("models-genesis", backbone, str(genesis_file))
    own = backbone.state_dict()
    assert set(loaded.account.loaded) == set(own)
    assert torch.equal(own["levels.2.1.conv.weight"], tensors["module.down_tr256.ops.1.conv1.weight"])
    assert torch.equal(own["levels.3.0.norm.bias"], tensors["module.down_tr512.ops.0.bn1.bias"])
    # 14 units with three running values each, the decoder's six units and three rises, the last layer.
    assert len(loaded.account.unused) == 14 * 3 + 6 * 4 + 3 * 2 + 2


def test_models_genesis_brings_its_decoder_but_for_the_last_layer(genesis_file: Path) -> None:
    backbone = network("models-genesis")
    decoder = backbone.build_decoder(4)
    assert decoder is not None
    loaded = load_published_decoder("models-genesis", backbone, str(genesis_file), decoder)
    assert loaded is not None
    assert loaded.account.new == ("classify.weight", "classify.bias")
    tensors, own = genesis_tensors(), decoder.state_dict()
    assert torch.equal(own["rises.1.weight"], tensors["module.up_tr128.up_conv.weight"])
    assert torch.equal(own["blocks.0.0.conv.weight"], tensors["module.up_tr256.ops.0.conv1.weight"])


def test_models_genesis_without_some_layers_of_its_decoder_is_refused_by_their_names(tmp_path: Path) -> None:
    gone = ("module.up_tr128.up_conv.weight", "module.up_tr64.ops.1.bn1.bias")
    cut = {name: tensor for name, tensor in genesis_tensors().items() if name not in gone}
    torch.save({"state_dict": cut}, tmp_path / "cut.pt")
    backbone = network("models-genesis")
    decoder = backbone.build_decoder(4)
    assert decoder is not None
    with pytest.raises(WeightsError, match=r"cut\.pt: .* lack 2 .*: rises\.1\.weight, blocks\.2\.1\.norm\.bias\."):
        load_published_decoder("models-genesis", backbone, str(tmp_path / "cut.pt"), decoder)
