"""MedicalNet's published weights are loaded strictly."""

from pathlib import Path

import pytest
import torch

from medical_transformer.backbones import (
    check_published,
    load_published,
    load_published_decoder,
)
from medical_transformer.backbones.baselines import Baseline
from medical_transformer.backbones.undrawn import undrawn
from medical_transformer.errors import WeightsError

from .published_samples import Tensors, medicalnet, network, norm

# Blocks per stage of the files that were released; from 50 on they are bottlenecks.
DEPTHS = {
    10: (1, 1, 1, 1),
    18: (2, 2, 2, 2),
    34: (3, 4, 6, 3),
    50: (3, 4, 6, 3),
    101: (3, 4, 23, 3),
    152: (3, 8, 36, 3),
    200: (3, 24, 36, 3),
}


def test_medicalnet_is_loaded_strictly(medicalnet_file: Path) -> None:
    assert "module.layer1.0.bn1.running_mean" in medicalnet()["state_dict"]
    backbone = network("medicalnet", depth=10)
    loaded = load_published("medicalnet", backbone, str(medicalnet_file))
    assert set(loaded.account.loaded) == set(backbone.state_dict())
    for name, tensor in network("medicalnet", seed=1, depth=10).state_dict().items():
        assert torch.equal(backbone.state_dict()[name], tensor), name


def released(depth: int) -> Tensors:
    """Return names and shapes of a released file; each of its tensors takes the room of one number."""
    blocks, grown, shapes, source = DEPTHS[depth], 1 if depth < 50 else 4, {"conv1.weight": (64, 1, 7, 7, 7)}, 64
    shapes |= norm("bn1", 64)
    for stage, (count, width) in enumerate(zip(blocks, (64, 128, 256, 512), strict=True), start=1):
        sizes = [(width, 3), (width, 3)] if grown == 1 else [(width, 1), (width, 3), (width * 4, 1)]
        for number in range(count):
            block, before = f"layer{stage}.{number}", source
            for place, (target, side) in enumerate(sizes, start=1):
                shapes |= {f"{block}.conv{place}.weight": (target, source, side, side, side)}
                shapes |= norm(f"{block}.bn{place}", target)
                source = target
            if before != source and depth not in {18, 34}:  # those have shortcut A, without weights
                shapes |= {f"{block}.downsample.0.weight": (source, before, 1, 1, 1)}
                shapes |= norm(f"{block}.downsample.1", source)
    values = {name: torch.tensor(0.5).expand(shape) for name, shape in shapes.items()}
    return values | {"conv1.weight": torch.rand((64, 1, 7, 7, 7))}


@pytest.mark.parametrize("depth", DEPTHS)
def test_a_file_of_every_released_depth_has_the_tensors_of_its_network(depth: int, tmp_path: Path) -> None:
    content = {"state_dict": {f"module.{name}": tensor for name, tensor in released(depth).items()}}
    torch.save(content, tmp_path / f"resnet_{depth}.pth")
    with undrawn():
        backbone = network("medicalnet", depth=depth)
    check_published("medicalnet", backbone, str(tmp_path / f"resnet_{depth}.pth"))
    assert isinstance(backbone, Baseline)
    translated, own = backbone.translate(released(depth)).backbone, backbone.state_dict()
    assert {name: one.shape for name, one in translated.items()} == {name: one.shape for name, one in own.items()}


def test_a_stem_of_one_channel_is_repeated_for_four_modalities(medicalnet_file: Path) -> None:
    backbone = network("medicalnet", depth=10, in_channels=4)
    loaded = load_published("medicalnet", backbone, str(medicalnet_file))
    assert loaded.account.adapted == ("trunk.conv1.weight",)
    stem = backbone.state_dict()["trunk.conv1.weight"]
    one = network("medicalnet", seed=1, depth=10).state_dict()["trunk.conv1.weight"]
    assert torch.equal(stem, one.expand(-1, 4, -1, -1, -1))


def test_a_medicalnet_of_another_depth_is_refused_by_file(medicalnet_file: Path) -> None:
    with pytest.raises(WeightsError, match=r"resnet_10_23dataset\.pth: .*depth 10 .*depth 18; .*`depth: 10`"):
        load_published("medicalnet", network("medicalnet", depth=18), str(medicalnet_file))


def test_a_file_of_another_network_is_refused_by_its_own_names(genesis_file: Path) -> None:
    with pytest.raises(WeightsError, match=r"no file of MedicalNet: it has a tensor 'down_tr64\.ops"):
        load_published("medicalnet", network("medicalnet", depth=10), str(genesis_file))


def test_counters_that_a_file_lacks_are_called_counters(tmp_path: Path) -> None:
    tensors = {name: one for name, one in medicalnet()["state_dict"].items() if not name.endswith("tracked")}
    torch.save(tensors, tmp_path / "old.pth")
    loaded = load_published("medicalnet", network("medicalnet", depth=10), str(tmp_path / "old.pth"))
    assert loaded.account.new
    assert {loaded.reasons[name] for name in loaded.account.new} == {
        "not in the file: counters of batches, which nothing reads"
    }


def test_a_missing_tensor_is_refused_and_the_network_stays_as_it_was(tmp_path: Path) -> None:
    content = medicalnet()
    del content["state_dict"]["module.layer4.0.bn2.bias"]
    torch.save(content, tmp_path / "cut.pth")
    backbone = network("medicalnet", depth=10)
    with pytest.raises(WeightsError, match=r"lack 1 tensor of the network: trunk\.layer4\.0\.bn2\.bias"):
        load_published("medicalnet", backbone, str(tmp_path / "cut.pth"))
    for name, tensor in network("medicalnet", depth=10).state_dict().items():
        assert torch.equal(backbone.state_dict()[name], tensor), name


def test_a_file_that_equals_the_random_start_is_refused(tmp_path: Path) -> None:
    content = medicalnet(seed=0)
    content["state_dict"]["module.bn1.num_batches_tracked"] += 7  # only a counter differs
    torch.save(content, tmp_path / "random.pth")
    with pytest.raises(WeightsError, match="changed nothing"):
        load_published("medicalnet", network("medicalnet", depth=10), str(tmp_path / "random.pth"))


def test_a_file_without_a_decoder_gives_none(medicalnet_file: Path) -> None:
    backbone = network("medicalnet", depth=10)
    decoder = backbone.build_decoder(4)
    assert decoder is not None
    assert load_published_decoder("medicalnet", backbone, str(medicalnet_file), decoder) is None


def test_a_block_that_is_missing_makes_no_tensor_foreign(tmp_path: Path) -> None:
    tensors = {name: one for name, one in medicalnet()["state_dict"].items() if "layer3." not in name}
    torch.save(tensors, tmp_path / "cut.pth")
    with pytest.raises(WeightsError, match=r"Blocks are missing: \(1, 1, 0, 1\) in the four stages"):
        load_published("medicalnet", network("medicalnet", depth=10), str(tmp_path / "cut.pth"))


def test_a_file_of_zeros_was_taught_nothing(tmp_path: Path) -> None:
    tensors = {name: torch.zeros_like(one) for name, one in medicalnet()["state_dict"].items()}
    torch.save(tensors, tmp_path / "zeros.pth")
    with pytest.raises(WeightsError, match=r"zeros\.pth: every kernel in it holds one value only"):
        load_published("medicalnet", network("medicalnet", depth=10), str(tmp_path / "zeros.pth"))
