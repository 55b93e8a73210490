"""Published weights, read from files in exactly the published formats and key names."""

import hashlib
import pickle
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from medical_transformer.backbones import (
    BACKBONES,
    build_backbone,
    load_published,
    load_published_decoder,
    published_files,
)
from medical_transformer.backbones.origins import called, origin_of
from medical_transformer.backbones.published_files import KNOWN, KnownWeights, find, read_published
from medical_transformer.contracts import Backbone
from medical_transformer.errors import WeightsError

Tensors = dict[str, Tensor]


def network(name: str, *, seed: int = 0, **settings: int) -> Backbone:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return build_backbone(name, settings)


def draws(shape: tuple[int, ...], number: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(number))


# --- I3D ---------------------------------------------------------------------------------------------------------

# The branches of a mixed block: published in two namings.
BRANCHES = {
    "direct": ("b0", "branch_0"), "reduce_1": ("b1a", "branch_1.0"), "expand_1": ("b1b", "branch_1.1"),
    "reduce_2": ("b2a", "branch_2.0"), "expand_2": ("b2b", "branch_2.1"), "pooled": ("b3b", "branch_3.1"),
}  # fmt: skip
STEMS = {"conv_1a": "Conv3d_1a_7x7", "conv_2b": "Conv3d_2b_1x1", "conv_2c": "Conv3d_2c_3x3"}


def piergiaj(own: str) -> str:
    part, *rest, layer, kind = own.split(".")
    layer = {"conv": "conv3d", "norm": "bn"}[layer]
    if part in STEMS:
        return f"{STEMS[part]}.{layer}.{kind}"
    return f"Mixed_{rest[0]}.{BRANCHES[rest[1]][0]}.{layer}.{kind}"


def hassony(own: str) -> str:
    part, *rest, layer, kind = own.split(".")
    layer = {"conv": "conv3d", "norm": "batch3d"}[layer]
    if part in STEMS:
        return f"{STEMS[part].lower()}.{layer}.{kind}"
    return f"mixed_{rest[0]}.{BRANCHES[rest[1]][1]}.{layer}.{kind}"


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
    torch.save({"Conv3d_1a_7x7.conv3d.weight": torch.ones(shape)}, tmp_path / "flow.pt")
    with pytest.raises(WeightsError, match=r"flow\.pt.*has the shape \(64"):
        load_published("i3d", network("i3d"), str(tmp_path / "flow.pt"))


# --- MedicalNet --------------------------------------------------------------------------------------------------


def medicalnet(depth: int = 10, seed: int = 1) -> dict[str, Tensors]:
    own = network("medicalnet", seed=seed, depth=depth).state_dict()
    return {"state_dict": {f"module.{name.removeprefix('trunk.')}": tensor for name, tensor in own.items()}}


@pytest.fixture(scope="module")
def medicalnet_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("medicalnet") / "resnet_10_23dataset.pth"
    torch.save(medicalnet(), path)
    return path


def test_medicalnet_is_loaded_strictly(medicalnet_file: Path) -> None:
    assert "module.layer1.0.bn1.running_mean" in medicalnet()["state_dict"]
    backbone = network("medicalnet", depth=10)
    loaded = load_published("medicalnet", backbone, str(medicalnet_file))
    assert set(loaded.account.loaded) == set(backbone.state_dict())
    for name, tensor in network("medicalnet", seed=1, depth=10).state_dict().items():
        assert torch.equal(backbone.state_dict()[name], tensor), name


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
    with pytest.raises(WeightsError, match=r"layer4\.0\.bn2\.bias"):
        load_published("medicalnet", backbone, str(tmp_path / "cut.pth"))
    for name, tensor in network("medicalnet", depth=10).state_dict().items():
        assert torch.equal(backbone.state_dict()[name], tensor), name


def test_a_file_that_equals_the_random_start_is_refused(tmp_path: Path) -> None:
    content = medicalnet(seed=0)
    content["state_dict"]["module.bn1.num_batches_tracked"] += 7  # only a counter differs
    torch.save(content, tmp_path / "random.pth")
    with pytest.raises(WeightsError, match="changed nothing"):
        load_published("medicalnet", network("medicalnet", depth=10), str(tmp_path / "random.pth"))


# --- HighRes3DNet ------------------------------------------------------------------------------------------------


def norm(prefix: str, width: int) -> dict[str, tuple[int, ...]]:
    kinds = dict.fromkeys(("weight", "bias", "running_mean", "running_var"), (width,))
    return {f"{prefix}.{kind}": shape for kind, shape in kinds.items()} | {f"{prefix}.num_batches_tracked": ()}


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


# --- Models Genesis ----------------------------------------------------------------------------------------------


def genesis_tensors() -> Tensors:
    """Return the published file's tensors: 106, with running statistics that the network never used."""
    shapes: dict[str, tuple[int, ...]] = {}
    units = {
        "down_tr64": ((1, 32), (32, 64)), "down_tr128": ((64, 64), (64, 128)), "down_tr256": ((128, 128), (128, 256)),
        "down_tr512": ((256, 256), (256, 512)), "up_tr256": ((768, 256), (256, 256)),
        "up_tr128": ((384, 128), (128, 128)), "up_tr64": ((192, 64), (64, 64)),
    }  # fmt: skip
    for level, pair in units.items():
        if level.startswith("up"):
            width = pair[0][0] * 2 // 3
            shapes |= {f"{level}.up_conv.weight": (width, width, 2, 2, 2), f"{level}.up_conv.bias": (width,)}
        for place, (source, target) in enumerate(pair):
            unit = f"{level}.ops.{place}"
            shapes |= {f"{unit}.conv1.weight": (target, source, 3, 3, 3), f"{unit}.conv1.bias": (target,)}
            shapes |= norm(f"{unit}.bn1", target)
    shapes |= {"out_tr.final_conv.weight": (1, 64, 1, 1, 1), "out_tr.final_conv.bias": (1,)}
    return {
        f"module.{name}": draws(shape, number) if shape else torch.tensor(9)
        for number, (name, shape) in enumerate(shapes.items())
    }


@pytest.fixture(scope="module")
def genesis_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("genesis") / "Genesis_Chest_CT.pt"
    training = {"state": {0: {"momentum_buffer": torch.ones(3)}}, "param_groups": [{"lr": 1.0, "nesterov": False}]}
    torch.save({"epoch": 120, "state_dict": genesis_tensors(), "optimizer_state_dict": training}, path)
    return path


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


def test_a_file_without_a_decoder_gives_none(medicalnet_file: Path) -> None:
    backbone = network("medicalnet", depth=10)
    decoder = backbone.build_decoder(4)
    assert decoder is not None
    assert load_published_decoder("medicalnet", backbone, str(medicalnet_file), decoder) is None


# --- Swin UNETR --------------------------------------------------------------------------------------------------


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


# --- files -------------------------------------------------------------------------------------------------------


def test_the_account_names_checksum_licence_and_what_became_of_every_tensor(genesis_file: Path) -> None:
    loaded = load_published("models-genesis", network("models-genesis", in_channels=4), str(genesis_file))
    text = str(loaded)
    assert hashlib.sha256(genesis_file.read_bytes()).hexdigest() in text
    assert "non-commercial" in text
    assert "repeated for every modality" in text
    assert {(name, kind) for name, kind, _ in loaded.rows()} >= {
        ("levels.0.0.conv.weight", "adapted"),
        ("levels.0.0.conv.bias", "loaded"),
        ("out_tr.final_conv.bias", "unused"),
    }
    assert all(reason for _, _, reason in loaded.rows())


def test_safetensors_are_read_too(tmp_path: Path) -> None:
    save_file(medicalnet()["state_dict"], tmp_path / "converted.safetensors")
    assert load_published("medicalnet", network("medicalnet", depth=10), str(tmp_path / "converted.safetensors"))


class Harmful:
    """Runs code when it is unpickled."""

    def __reduce__(self) -> tuple[Callable[[str], object], tuple[str]]:
        return print, ("this would have run",)


@pytest.mark.parametrize(
    "content", [{"state_dict": {"weight": torch.ones(2)}, "more": Harmful()}, [1, 2], {"epoch": 3}, {}]
)
def test_what_is_no_mere_mapping_of_tensors_is_refused_by_file(
    content: object, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    torch.save(content, tmp_path / "strange.pth")
    with pytest.raises(WeightsError, match=r"strange\.pth"):
        read_published(tmp_path / "strange.pth")
    assert "would have run" not in capsys.readouterr().out


@pytest.mark.parametrize(("name", "save"), [("nan.pt", torch.save), ("nan.safetensors", save_file)])
def test_a_file_with_values_that_are_not_finite_is_refused_by_tensor(
    name: str, save: Callable[[Tensors, Path], None], tmp_path: Path
) -> None:
    save({"fine": torch.ones(2), "broken": torch.tensor([1.0, torch.nan])}, tmp_path / name)
    with pytest.raises(WeightsError, match=rf"{name}: 'broken' holds values that are not finite"):
        read_published(tmp_path / name)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"\x80\x02no weights\xff", "damaged or holds more than tensors"),
        (b"", "it is empty"),
        (b"<!DOCTYPE html>\n<html>", "it is text, and starts with '<!DOCTYPE html>"),
        (pickle.dumps({"epoch": 3}, protocol=4), "damaged or holds more than tensors"),
    ],
)
def test_what_cannot_be_read_is_refused_by_name_with_what_it_is_and_without_a_warning(
    content: bytes, said: str, tmp_path: Path
) -> None:
    (tmp_path / "damaged.pt").write_bytes(content)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(WeightsError, match=rf"damaged\.pt: .*{said}") as refused:
            read_published(tmp_path / "damaged.pt")
    assert not isinstance(refused.value.__cause__, Warning)


def test_a_folder_of_weights_is_called_a_folder(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="is a folder; give the file of weights itself"):
        find(str(tmp_path), "medicalnet")


def test_networks_without_published_weights_say_so(medicalnet_file: Path) -> None:
    for name in ("niftynet-vnet", "3d-ssl", "medical-transformer"):
        with torch.device("meta"):
            backbone = build_backbone(name)
        with pytest.raises(WeightsError, match="No published weights"):
            load_published(name, backbone, str(medicalnet_file))


def test_an_unknown_name_is_refused_with_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="Did you mean 'medicalnet-18-23datasets'"):
        find("medicalnet-18-23dataset", "medicalnet")
    with pytest.raises(WeightsError, match="for backbone 'i3d'"):
        find("i3d-kinetics-rgb", "medicalnet")


def test_a_known_file_is_fetched_once_and_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "there.pth").write_bytes(b"tensors")
    digits = hashlib.sha256(b"tensors").hexdigest()[:8]
    known: Mapping[str, KnownWeights] = {
        "right": KnownWeights("i3d", (tmp_path / "there.pth").as_uri(), digits),
        "wrong": KnownWeights("i3d", (tmp_path / "there.pth").as_uri().replace("there", "./there"), "0" * 8),
        "gone": KnownWeights("i3d", (tmp_path / "gone.pth").as_uri()),
    }
    monkeypatch.setattr(published_files, "KNOWN", known)
    with pytest.raises(WeightsError, match="cannot be fetched"):
        find("wrong", "i3d")
    assert list((tmp_path / "cache").rglob("*.pth")) == []
    fetched = find("right", "i3d")
    assert fetched.read_bytes() == b"tensors"
    (tmp_path / "there.pth").unlink()
    assert find("right", "i3d") == fetched
    with pytest.raises(WeightsError, match=r"gone\.pth cannot be fetched"):
        find("gone", "i3d")
    fetched.write_bytes(b"damaged")
    with pytest.raises(
        WeightsError, match=rf"there\.pth: .* fetched with {digits}.* published with {digits}; delete it"
    ):
        find("right", "i3d")


def test_terms_are_a_fact_of_fetched_weights_and_a_condition_for_any_file_of_their_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    publisher = tmp_path / "resnet_18.pth"
    publisher.write_bytes(b"tensors")
    monkeypatch.setattr(published_files, "KNOWN", {"named": KnownWeights("medicalnet", publisher.as_uri())})
    fetched, given = origin_of("named", "medicalnet"), origin_of("resnet_18.pth", "medicalnet")
    assert fetched.sha256 == given.sha256 == hashlib.sha256(b"tensors").hexdigest()
    assert fetched.terms == BACKBONES["medicalnet"].weights
    assert given.terms.startswith("a file of the user, whose source was not checked; only if it is the published one")
    assert called("named") == "the published weights 'named'"
    assert called("resnet_18.pth") == "the file 'resnet_18.pth'"
    (tmp_path / "named").write_bytes(b"the user's")  # a file wins over a name
    assert origin_of("named", "medicalnet").terms == given.terms


def test_known_weights_are_fetched_over_https_from_their_publishers() -> None:
    for name, known in KNOWN.items():
        assert known.url.startswith(("https://github.com/", "https://huggingface.co/")), name
        assert known.backbone in {"i3d", "medicalnet", "niftynet-highres3dnet"}
