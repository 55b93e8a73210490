"""The rivals' ways to segment, against their descriptions; where channels are forgotten, and how often."""

from collections.abc import Callable, Iterator

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from medical_transformer.backbones import build_backbone
from medical_transformer.backbones.baselines.decoders import PyramidDecoder
from medical_transformer.backbones.baselines.medicalnet import MedicalNetDecoder
from medical_transformer.backbones.baselines.self_supervised_unet import (
    SelfSupervisedUNetConfig,
    SelfSupervisedUNetDecoder,
)
from medical_transformer.backbones.baselines.vnet import VNetDecoder
from medical_transformer.backbones.undrawn import undrawn
from medical_transformer.contracts import Decoder, Encoding

SHAPE = (32, 16, 48)
UNET_MAPS = ((256, 16), (128, 8), (64, 4), (32, 2), (16, 1))
SMALL_MAPS = ((24, 8), (12, 4), (6, 2))


def drawn(build: Callable[[], Decoder], seed: int = 0) -> Decoder:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return build()


def maps(levels: tuple[tuple[int, int], ...], scans: int = 1) -> Encoding:
    """Return drawn maps, each of some channels at a part of the resolution."""
    draws = torch.Generator().manual_seed(1)
    sizes = [(channels, *(side // part for side in SHAPE)) for channels, part in levels]
    found = tuple(torch.rand((scans, *size), generator=draws) for size in sizes)
    return Encoding(found[0].mean(dim=(2, 3, 4)), found)


def dropouts(module: nn.Module) -> Iterator[tuple[str, float]]:
    for name, part in module.named_modules():
        if isinstance(part, nn.Dropout | nn.Dropout3d):
            yield f"{name} {type(part).__name__}", part.p


def test_v_net_forgets_whole_channels_where_the_published_one_does() -> None:
    """Half of them in the two deepest stages of either way, and of every skip; none elsewhere."""
    with undrawn():
        down, up = build_backbone("niftynet-vnet"), VNetDecoder(4)
    assert [rate for name, rate in dropouts(down) if name.endswith("Dropout3d")] == [0.0, 0.0, 0.5, 0.5]
    rates = dict(dropouts(up))
    assert [rates[f"ups.{stage}.drop Dropout3d"] for stage in range(4)] == [0.5, 0.5, 0.0, 0.0]
    assert [rates[f"ups.{stage}.drop_skip Dropout3d"] for stage in range(4)] == [0.5] * 4
    assert len(rates) == 8


def test_every_block_of_the_self_supervised_unet_forgets_half_its_features_by_voxel() -> None:
    with undrawn():
        down, up = build_backbone("3d-ssl"), SelfSupervisedUNetDecoder(4, SelfSupervisedUNetConfig())
    assert list(dropouts(down)) == [(f"levels.{level}.3 Dropout", 0.5) for level in range(5)]
    assert list(dropouts(up)) == [(f"blocks.{level}.3 Dropout", 0.5) for level in range(4)]


@torch.no_grad()
def test_highres3dnet_forgets_whole_channels_of_its_last_features_in_training_only() -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        backbone = build_backbone("niftynet-highres3dnet")
        scan = torch.rand(1, 1, 6, 5, 7)
        (trained,) = backbone.train()(scan, maps=True).maps
        (settled,) = backbone.eval()(scan, maps=True).maps
    gone = trained.flatten(2).eq(0).all(dim=2).sum()
    assert 20 < int(gone) < 60  # of 80: 40, give or take four standard deviations
    assert not settled.flatten(2).eq(0).all(dim=2).any()


@torch.no_grad()
@pytest.mark.parametrize(
    ("build", "levels"),
    [
        (lambda: SelfSupervisedUNetDecoder(3, SelfSupervisedUNetConfig()), UNET_MAPS),
        (lambda: PyramidDecoder((24, 12, 6), 3, width=16), SMALL_MAPS),
    ],
    ids=["3d-ssl", "pyramid"],
)
def test_a_decoder_that_predicts_draws_nothing(
    build: Callable[[], Decoder], levels: tuple[tuple[int, int], ...]
) -> None:
    decoder = drawn(build)
    given = maps(levels)
    answers = {}
    for mode in (True, False):
        decoder.train(mode)
        with torch.random.fork_rng():
            answers[mode] = [(torch.manual_seed(seed), decoder(given, SHAPE))[1] for seed in (0, 1)]
    forgets = any(rate > 0 for _, rate in dropouts(decoder))
    assert torch.equal(*answers[True]) != forgets
    assert torch.equal(*answers[False])


@torch.no_grad()
def test_the_self_supervised_unet_rises_from_one_pooling_below_its_bottom() -> None:
    """Nearest up-sampling first; then transposed convolution, the skip behind it, and a block, four times over."""
    decoder = drawn(lambda: SelfSupervisedUNetDecoder(3, SelfSupervisedUNetConfig())).eval()
    assert isinstance(decoder, SelfSupervisedUNetDecoder)
    deepest, *skips = maps(UNET_MAPS).maps
    # The bottom has one voxel along the second axis: a pooling over what there is leaves it one.
    pooled = functional.max_pool3d(deepest, (2, 1, 2), ceil_mode=True)
    features = pooled.repeat_interleave(2, dim=2).repeat_interleave(2, dim=4)[..., : deepest.shape[4]]
    for rise, block, skip in zip(decoder.rises, decoder.blocks, skips, strict=True):
        first, _, norm, _, second, _, last = block
        risen = functional.conv_transpose3d(features, rise.weight, rise.bias, stride=2)
        features = norm(functional.relu(first(torch.cat([risen, skip], dim=1))))
        features = last(functional.relu(second(features)))
    expected = functional.conv3d(features, decoder.classify.weight, decoder.classify.bias)
    torch.testing.assert_close(decoder(maps(UNET_MAPS), SHAPE), expected)


@torch.no_grad()
def test_medicalnet_scores_a_quarter_of_the_resolution_and_interpolates() -> None:
    """A transposed convolution of 32, then 32 once more, then the outputs without a bias (Tencent/MedicalNet)."""
    decoder = drawn(lambda: MedicalNetDecoder(24, 3)).eval()
    assert isinstance(decoder, MedicalNetDecoder)
    rise, first, _, second, third, _, last = decoder.layers
    given = maps(SMALL_MAPS)
    features = functional.relu(first(functional.conv_transpose3d(given.maps[0], rise.weight, rise.bias, stride=2)))
    features = functional.relu(third(functional.conv3d(features, second.weight, padding=1)))
    scores = functional.conv3d(features, last.weight)
    assert scores.shape == (1, 3, 8, 4, 12)
    expected = functional.interpolate(scores, SHAPE, mode="trilinear", align_corners=False)
    torch.testing.assert_close(decoder(given, SHAPE), expected)
    assert (rise.out_channels, second.out_channels, last.bias) == (32, 32, None)


@torch.no_grad()
def test_a_pyramid_adds_what_is_coarser_to_every_map_and_scores_the_finest() -> None:
    decoder = drawn(lambda: PyramidDecoder((24, 12, 6), 3, width=16))
    assert isinstance(decoder, PyramidDecoder)
    given = maps(SMALL_MAPS)

    def wide(features: Tensor, shape: tuple[int, ...]) -> Tensor:
        return functional.interpolate(features, shape, mode="trilinear", align_corners=False)

    coarse, middle, fine = (reduce(one) for reduce, one in zip(decoder.reduce, given.maps, strict=True))
    found = decoder.smooth[0](coarse)
    found = decoder.smooth[1](middle + wide(found, (8, 4, 12)))
    found = decoder.smooth[2](fine + wide(found, (16, 8, 24)))
    torch.testing.assert_close(decoder(given, SHAPE), wide(decoder.classify(found), SHAPE))


@torch.no_grad()
def test_a_pyramid_keeps_scans_apart_in_training() -> None:
    decoder = drawn(lambda: PyramidDecoder((24, 12, 6), 3, width=16)).train()
    together = maps(SMALL_MAPS, scans=2)
    alone = Encoding(together.vector[:1], tuple(one[:1] for one in together.maps))
    torch.testing.assert_close(decoder(together, SHAPE)[:1], decoder(alone, SHAPE))
