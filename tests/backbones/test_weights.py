"""Every tensor is accounted for, and a file is whole or absent."""

from pathlib import Path

import pytest
import torch
from torch import nn

from medical_transformer.backbones import MedicalTransformer, MedicalTransformerConfig, weights
from medical_transformer.backbones.weights import load_weights, read_tensors, save_weights, write_tensors
from medical_transformer.errors import WeightsError

SETTINGS = {"width": 4, "embedding": 8, "feed_forward": 12, "heads": 2, "head_size": 5}


def network(seed: int, channels: int = 1) -> MedicalTransformer:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return MedicalTransformer(MedicalTransformerConfig(in_channels=channels, **SETTINGS)).eval()


def test_loading_undoes_saving(tmp_path: Path) -> None:
    one, other = network(1), network(2)
    save_weights(one, tmp_path / "weights.safetensors")
    loaded = load_weights(other, read_tensors(tmp_path / "weights.safetensors"))
    assert set(loaded.loaded) == set(one.state_dict())
    assert (loaded.adapted, loaded.new, loaded.unused) == ((), (), ())
    for name, value in one.state_dict().items():
        assert torch.equal(value, other.state_dict()[name]), name


def test_four_equal_channels_make_the_stem_answer_four_times_as_strongly() -> None:
    one, four = network(1), network(2, channels=4)
    loaded = load_weights(four, one.state_dict())
    assert loaded.adapted == tuple(f"encoders.{plane}.stem.weight" for plane in one.encoders)
    images = torch.rand(3, 1, 40, 36, generator=torch.Generator().manual_seed(0))
    for plane in one.encoders:
        single = one.encoders[plane].stem(images)
        torch.testing.assert_close(four.encoders[plane].stem(images.expand(-1, 4, -1, -1)), 4 * single)


def test_a_missing_tensor_is_refused_by_name() -> None:
    tensors = network(1).state_dict()
    for gone in ("encoders.coronal.stages.2.blocks.0.second.weight", "encoders.axial.embed.bias"):
        del tensors[gone]
    missing = r"2 tensors of the network: encoders\.\S+\.second\.weight, encoders\.axial\.embed\.bias\."
    with pytest.raises(WeightsError, match=missing):
        load_weights(network(2), tensors)


def test_a_missing_tensor_may_be_allowed_and_keeps_its_initial_value() -> None:
    tensors, target = network(1).state_dict(), network(2)
    del tensors["encoders.coronal.embed.bias"]
    loaded = load_weights(target, tensors, may_lack=["coronal.embed.bias"])
    assert loaded.new == ("encoders.coronal.embed.bias",)
    assert torch.equal(target.encoders["coronal"].embed.bias, network(2).encoders["coronal"].embed.bias)


def test_weights_of_another_network_altogether_are_refused_even_if_new_ones_are_allowed() -> None:
    with pytest.raises(WeightsError, match="lack"):
        load_weights(network(2), nn.Linear(3, 2).state_dict(), may_lack=[""])


def test_a_wrong_shape_is_refused_with_the_name_and_both_shapes() -> None:
    tensors = network(1).state_dict()
    tensors["encoders.axial.embed.weight"] = torch.zeros(9, 32)
    with pytest.raises(WeightsError, match=r"'encoders\.axial\.embed\.weight'.*\(9, 32\).*\(8, 32\)"):
        load_weights(network(2), tensors)


def test_a_stem_of_two_channels_is_not_repeated_for_four() -> None:
    with pytest.raises(WeightsError, match=r"stem\.weight"):
        load_weights(network(2, channels=4), network(1, channels=2).state_dict())


def test_a_refused_file_leaves_the_network_as_it_was() -> None:
    target, tensors = network(2), network(1).state_dict()
    tensors["transformer.segments"] = torch.zeros(3, 9)
    with pytest.raises(WeightsError):
        load_weights(target, tensors)
    for name, value in network(2).state_dict().items():
        assert torch.equal(value, target.state_dict()[name]), name


def test_loading_the_values_that_are_there_already_is_refused() -> None:
    with pytest.raises(WeightsError, match="changed nothing"):
        load_weights(network(1), network(1).state_dict())


def test_tensors_without_a_place_are_told() -> None:
    tensors = {**network(1).state_dict(), "decoder.weight": torch.zeros(2)}
    assert load_weights(network(2), tensors).unused == ("decoder.weight",)


@pytest.mark.parametrize("damage", [b"", b"no weights at all", b"\xff" * 64])
def test_a_damaged_file_is_refused_by_name(tmp_path: Path, damage: bytes) -> None:
    path = tmp_path / "damaged.safetensors"
    path.write_bytes(damage)
    with pytest.raises(WeightsError, match=r"damaged\.safetensors"):
        read_tensors(path)


def test_a_file_that_was_cut_short_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "short.safetensors"
    save_weights(network(1), path)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(WeightsError, match=r"short\.safetensors"):
        read_tensors(path)


def test_a_missing_file_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"nowhere\.safetensors"):
        read_tensors(tmp_path / "nowhere.safetensors")


def test_a_write_that_fails_leaves_the_old_file_and_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "weights.safetensors"
    write_tensors({"kept": torch.ones(3)}, path)

    def fill_the_disk(_tensors: dict[str, torch.Tensor], aside: Path, **_: object) -> None:
        aside.write_bytes(b"half a f")
        raise OSError("No space left on device")

    monkeypatch.setattr(weights, "save_file", fill_the_disk)
    with pytest.raises(OSError, match="No space left"):
        write_tensors({"new": torch.zeros(3)}, path)
    assert list(tmp_path.iterdir()) == [path]
    assert torch.equal(read_tensors(path)["kept"], torch.ones(3))
