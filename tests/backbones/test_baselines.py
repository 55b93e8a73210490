"""Each rival computes its published function: against another implementation, or against its description."""

from collections.abc import Callable
from typing import TypeVar

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from medical_transformer.backbones import build_backbone
from medical_transformer.backbones.baselines import GenesisUNet, MedicalNet, SelfSupervisedUNet, SwinUNETR, VNet
from medical_transformer.backbones.baselines.baseline import Baseline, ScanNorm, cut_to, make_even
from medical_transformer.backbones.baselines.i3d import I3D, pad_same, pool
from medical_transformer.backbones.baselines.self_supervised_unet import SelfSupervisedUNetConfig
from medical_transformer.backbones.baselines.swin_unetr import SwinUNETRConfig
from medical_transformer.contracts import Decoder
from medical_transformer.errors import ConfigError

DIVISIBLE = (32, 16, 48)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def scan(*shape: int, channels: int = 1, seed: int = 0) -> Tensor:
    return torch.rand((1, channels, *shape), generator=generator(seed))


NetT = TypeVar("NetT", bound=nn.Module)


def drawn(build: Callable[[], NetT], seed: int = 0) -> NetT:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return build()


def segment(backbone: Baseline, decoder: Decoder, volumes: Tensor) -> Tensor:
    return decoder(backbone(volumes, maps=True), volumes.shape[2:])


def without_dropout(module: nn.Module) -> nn.Module:
    for part in module.modules():
        if isinstance(part, nn.Dropout | nn.Dropout3d):
            part.p = 0.0
    return module


def decoder_of(backbone: Baseline, outputs: int) -> Decoder:
    decoder = backbone.build_decoder(outputs)
    assert decoder is not None
    return decoder


@torch.no_grad()
def test_the_v_net_computes_what_monais_computes_on_one_scan() -> None:
    from monai.networks.nets import VNet as Theirs

    theirs = without_dropout(drawn(lambda: Theirs(in_channels=2, out_channels=3, bias=True))).train()
    ours = drawn(lambda: build_backbone("niftynet-vnet", {"in_channels": 2}), seed=1)
    assert isinstance(ours, VNet)
    decoder = decoder_of(ours, 3)
    # Both name their layers in the order of the computation; theirs lacks biases in the way up and counts batches.
    given = iter(theirs.parameters())
    for name, parameter in [*_in_order(ours), *_in_order(decoder)]:
        if name.startswith("ups") and name.endswith("conv.bias"):
            parameter.zero_()
        else:
            parameter.copy_(next(given))
    assert next(given, None) is None
    volumes = scan(16, 16, 32, channels=2)
    for module in (ours, decoder):
        without_dropout(module)
    torch.testing.assert_close(segment(ours, decoder, volumes), theirs(volumes), rtol=1e-3, atol=1e-4)


def _in_order(module: nn.Module) -> list[tuple[str, nn.Parameter]]:
    return list(module.named_parameters())


@pytest.mark.parametrize("name", ["niftynet-vnet", "models-genesis"])
@torch.no_grad()
def test_normalising_each_scan_is_batch_normalisation_of_one_scan(name: str) -> None:
    backbone = drawn(lambda: build_backbone(name)).eval()
    volumes = scan(*DIVISIBLE)
    expected = backbone(volumes).vector
    for module in list(backbone.modules()):
        for child, part in module.named_children():
            if isinstance(part, nn.InstanceNorm3d):
                other = nn.BatchNorm3d(part.num_features).train()
                other.load_state_dict({**other.state_dict(), **part.state_dict()})
                setattr(module, child, other)
    torch.testing.assert_close(backbone(volumes).vector, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", ["niftynet-vnet", "models-genesis"])
@torch.no_grad()
def test_a_bias_before_a_normalisation_has_no_influence(name: str) -> None:
    backbone = drawn(lambda: build_backbone(name)).eval()
    before = backbone(scan(*DIVISIBLE)).vector
    biases = [value for key, value in backbone.named_parameters() if key.endswith(("conv.bias", "halve.bias"))]
    assert len(biases) > 7
    for bias in biases:
        bias.add_(torch.randn(bias.shape, generator=generator(1)))
    torch.testing.assert_close(backbone(scan(*DIVISIBLE)).vector, before, rtol=1e-3, atol=1e-4)


def test_three_modalities_fill_the_sixteen_channels_that_the_v_net_adds() -> None:
    backbone = drawn(lambda: build_backbone("niftynet-vnet", {"in_channels": 3}))
    assert backbone(scan(*DIVISIBLE, channels=3)).vector.shape == (1, 256)


@pytest.mark.parametrize("depth", [10, 50])
def test_the_last_two_stages_of_medicalnet_are_dilated_and_not_halved(depth: int) -> None:
    with torch.device("meta"):
        backbone = build_backbone("medicalnet", {"depth": depth})
        assert isinstance(backbone, MedicalNet)
        maps = backbone(torch.empty(1, 1, 64, 48, 80), maps=True).maps
    assert [tuple(one.shape[2:]) for one in maps] == [(8, 6, 10)] * 3 + [(16, 12, 20), (32, 24, 40)]
    for stage, dilation in {"layer1": 1, "layer2": 1, "layer3": 2, "layer4": 4}.items():
        convolutions = [one for one in getattr(backbone.trunk, stage).modules() if isinstance(one, nn.Conv3d)]
        wide = [one for one in convolutions if one.kernel_size == (3, 3, 3)]
        assert {(one.dilation, one.padding) for one in wide} == {((dilation,) * 3, (dilation,) * 3)}
        assert {one.stride for one in convolutions} == {(1, 1, 1)} | ({(2, 2, 2)} if stage == "layer2" else set())


@torch.no_grad()
def test_a_dilated_stage_with_shortcut_a_keeps_its_input_and_adds_empty_channels() -> None:
    backbone = drawn(lambda: build_backbone("medicalnet", {"depth": 18})).eval()
    assert isinstance(backbone, MedicalNet)
    block = backbone.trunk.layer3[0]
    features = torch.rand((1, 128, 5, 4, 6), generator=generator())
    kept = block.downsample(features)
    assert torch.equal(kept[:, :128], features)
    assert kept.shape[1] == 256
    assert not kept[:, 128:].any()


@pytest.mark.parametrize(
    ("side", "size", "stride", "before", "after"),
    # TensorFlow's "SAME": the total is max(size - stride, 0) or max(size - side mod stride, 0); the far end gets more.
    [(96, 7, 2, 2, 3), (57, 7, 2, 3, 3), (10, 3, 1, 1, 1), (10, 2, 2, 0, 0), (11, 2, 2, 0, 1), (10, 3, 2, 0, 1)],
)
def test_i3d_pads_as_tensorflow(side: int, size: int, stride: int, before: int, after: int) -> None:
    line = torch.ones(1, 1, side, 1, 1)
    padded = pad_same(line, (size, 1, 1), (stride, 1, 1)).flatten()
    assert (int(padded[:before].sum()), int(padded[len(padded) - after :].sum())) == (0, 0)
    assert len(padded) == side + before + after
    assert (len(padded) - size) // stride + 1 == -(-side // stride)


def test_i3d_pools_over_zeros_at_the_border() -> None:
    assert pool(torch.full((1, 1, 3, 2, 2), -1.0), (3, 3, 3), (1, 1, 1)).max() == 0


@pytest.mark.parametrize(
    ("shape", "sizes"),
    [
        ((96, 114, 96), [(12, 4, 3), (24, 8, 6), (48, 15, 12), (48, 29, 24), (48, 57, 48)]),
        ((160, 192, 128), [(20, 6, 4), (40, 12, 8), (80, 24, 16), (80, 48, 32), (80, 96, 64)]),
    ],
)
def test_i3d_halves_the_first_axis_less_often(shape: tuple[int, ...], sizes: list[tuple[int, ...]]) -> None:
    with torch.device("meta"):
        maps = I3D()(torch.empty(1, 1, *shape), maps=True).maps
    assert [tuple(one.shape[2:]) for one in maps] == sizes


@torch.no_grad()
def test_a_block_of_the_self_supervised_unet_normalises_after_relu() -> None:
    backbone = drawn(SelfSupervisedUNet).eval()
    volumes = scan(*DIVISIBLE)
    convolution, _, norm, _, second, _, last = backbone.levels[0]
    expected = norm(functional.relu(convolution(volumes)))
    expected = last(functional.relu(second(expected)))
    torch.testing.assert_close(backbone(volumes, maps=True).maps[-1], expected)
    assert (norm.eps, norm.momentum) == (1e-3, 0.01)


@torch.no_grad()
def test_the_self_supervised_unet_pools_once_more_below_its_bottom() -> None:
    backbone = drawn(SelfSupervisedUNet).eval()
    encoding = backbone(scan(*DIVISIBLE), maps=True)
    bottom = encoding.maps[0]
    assert bottom.shape[1:] == (256, 2, 1, 3)
    expected = torch.stack([bottom[..., :2].amax(dim=(2, 3, 4)), bottom[..., 2:].amax(dim=(2, 3, 4))]).mean(dim=0)
    torch.testing.assert_close(encoding.vector, expected)


def test_its_dropout_can_be_set() -> None:
    backbone = SelfSupervisedUNet(SelfSupervisedUNetConfig(dropout=0.2))
    assert {one.p for one in backbone.modules() if isinstance(one, nn.Dropout)} == {0.2}


@torch.no_grad()
def test_models_genesis_rises_by_transposed_convolutions_beside_the_maps_from_before_each_pooling() -> None:
    backbone = drawn(GenesisUNet).eval()
    decoder = drawn(lambda: decoder_of(backbone, 2))
    volumes = scan(*DIVISIBLE)
    maps = backbone(volumes, maps=True).maps
    features = maps[0]
    for rise, block, skip in zip(decoder.rises, decoder.blocks, maps[1:], strict=True):
        features = block(torch.cat([rise(features), skip], dim=1))
    torch.testing.assert_close(segment(backbone, decoder, volumes), decoder.classify(features))


@torch.no_grad()
def test_the_swin_encoder_computes_what_monais_computes(monkeypatch: pytest.MonkeyPatch) -> None:
    from monai.networks.nets import swin_unetr

    def turn(features: Tensor, pattern: str) -> Tensor:
        return features.movedim(1, -1) if pattern.endswith("c") else features.movedim(-1, 1)

    monkeypatch.setattr(swin_unetr, "rearrange", turn)  # MONAI needs another package for this
    backbone = drawn(lambda: SwinUNETR(SwinUNETRConfig(width=12))).eval()
    volumes = scan(33, 17, 40)
    theirs = backbone.swin(volumes, normalize=True)
    for one, other in zip(backbone(volumes, maps=True).maps, reversed(theirs), strict=True):
        torch.testing.assert_close(one, other)


def test_making_even_and_cutting_undo_each_other() -> None:
    features = torch.rand((2, 3, 5, 4, 7), generator=generator())
    assert make_even(features).shape[2:] == (6, 4, 8)
    assert torch.equal(cut_to(make_even(features), features.shape[2:]), features)
    assert make_even(features[:, :, :4, :, :6]).shape[2:] == (4, 4, 6)


@torch.no_grad()
def test_every_halving_rounds_up_so_that_no_voxel_is_dropped() -> None:
    levels = drawn(SelfSupervisedUNet).eval().encode(scan(19, 16, 21))
    assert [tuple(one.shape[2:]) for one in levels] == [(19, 16, 21), (10, 8, 11), (5, 4, 6), (3, 2, 3), (2, 1, 2)]


def test_a_map_of_a_single_voxel_is_refused_in_words() -> None:
    with pytest.raises(ConfigError, match="field of view is too small"):
        drawn(lambda: ScanNorm(3))(torch.ones(2, 3, 1, 1, 1))
