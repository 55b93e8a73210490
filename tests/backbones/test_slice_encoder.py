"""The slice encoder against a plain one that keeps volumes five-dimensional, as the authors describe theirs."""

import subprocess
import sys
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from medical_transformer.backbones.medical_transformer import slice_encoder
from medical_transformer.backbones.medical_transformer.normalisation import (
    normalize_stacks,
    normalize_together,
    pool_normalised,
    pool_together,
)
from medical_transformer.backbones.medical_transformer.slice_encoder import SliceEncoder, SliceFeatures, channels_last

STACK = (2, 11, 3, 40, 36)  # batch, slice, channel, height, width


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def plain_norm(volume: Tensor) -> Tensor:
    return nn.InstanceNorm3d(volume.shape[1], affine=False)(volume)


def plain_convolution(volume: Tensor, weight: Tensor, stride: int, padding: int) -> Tensor:
    """Convolve (batch, channel, height, width, slice) with a kernel (k, k, 1)."""
    return functional.conv3d(volume, weight[..., None], stride=(stride, stride, 1), padding=(padding, padding, 0))


def plain_block(volume: Tensor, weights: dict[str, Tensor], name: str, stride: int) -> Tensor:
    inner = functional.relu(plain_norm(plain_convolution(volume, weights[f"{name}.first.weight"], stride, 1)))
    inner = plain_norm(plain_convolution(inner, weights[f"{name}.second.weight"], 1, 1))
    shortcut = weights.get(f"{name}.shortcut.weight")
    kept = volume if shortcut is None else plain_norm(plain_convolution(volume, shortcut, stride, 0))
    return functional.relu(inner + kept)


def plain_encoder(stack: Tensor, weights: dict[str, Tensor]) -> tuple[Tensor, list[Tensor]]:
    """Encode a stack without ever leaving five dimensions; returns slice vectors and the stages' outputs."""
    volume = stack.permute(0, 2, 3, 4, 1)
    volume = functional.relu(plain_norm(plain_convolution(volume, weights["stem.weight"], 2, 3)))
    volume = nn.MaxPool3d((3, 3, 1), stride=(2, 2, 1), padding=(1, 1, 0))(volume)
    outputs = []
    for stage in range(4):
        for block in range(2):
            stride = 2 if stage > 0 and block == 0 else 1
            volume = plain_block(volume, weights, f"stages.{stage}.blocks.{block}", stride)
        outputs.append(volume.permute(0, 4, 1, 2, 3))
    pooled = volume.mean(dim=(2, 3)).transpose(1, 2)
    return functional.linear(pooled, weights["embed.weight"], weights["embed.bias"]), outputs


@pytest.fixture
def encoder() -> SliceEncoder:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return SliceEncoder(in_channels=3, width=4, embedding=6).double()


@pytest.fixture
def stack() -> Tensor:
    return torch.rand(STACK, generator=generator(), dtype=torch.float64)


def test_normalising_over_the_stack_is_a_3d_instance_norm_without_parameters() -> None:
    stack = torch.randn((5, 4, 7, 6), generator=generator()) * 3 + 2
    plain = nn.InstanceNorm3d(4, affine=False)(stack.transpose(0, 1)[None])[0].transpose(0, 1)
    torch.testing.assert_close(normalize_stacks(stack, 1), plain)


@pytest.mark.parametrize("pool", [pool_normalised, pool_together])
@pytest.mark.parametrize("scans", [1, 2])
def test_pooling_before_normalising_is_pooling_after(scans: int, pool: Callable[[Tensor, int], Tensor]) -> None:
    """Values, and gradients through the statistics."""
    images = torch.randn((6, 4, 9, 12), generator=generator(), dtype=torch.float64).requires_grad_()
    direction = torch.randn((6, 4, 5, 6), generator=generator(1), dtype=torch.float64)
    volumes = images.unflatten(0, (scans, -1)).transpose(1, 2)
    normalised = nn.InstanceNorm3d(4, affine=False)(volumes).transpose(1, 2).flatten(0, 1)
    plain, found = functional.max_pool2d(normalised, 3, stride=2, padding=1), pool(images, scans)
    torch.testing.assert_close(found, plain)
    expected, gradient = (torch.autograd.grad((one * direction).sum(), images)[0] for one in (plain, found))
    torch.testing.assert_close(gradient, expected)


def test_a_slice_keeps_its_brightness_relative_to_the_others() -> None:
    stack = torch.rand((5, 4, 7, 6), generator=generator()) + torch.arange(5)[:, None, None, None]
    means = normalize_stacks(stack, 1).mean(dim=(1, 2, 3))
    assert bool((means.diff() > 0.5).all())


def test_vectors_and_maps_equal_the_plain_encoder(encoder: SliceEncoder, stack: Tensor) -> None:
    features = encoder(stack, maps=True)
    vectors, outputs = plain_encoder(stack, dict(encoder.state_dict()))
    torch.testing.assert_close(features.vectors, vectors)
    assert len(features.maps) == 3
    for found, plain in zip(features.maps, outputs, strict=False):
        torch.testing.assert_close(found, plain)


def test_gradients_equal_those_of_the_plain_encoder(encoder: SliceEncoder, stack: Tensor) -> None:
    weights = {name: value.detach().clone().requires_grad_() for name, value in encoder.state_dict().items()}
    direction = torch.randn((2, 11, 6), generator=generator(1), dtype=torch.float64)
    (encoder(stack).vectors * direction).sum().backward()
    (plain_encoder(stack, weights)[0] * direction).sum().backward()
    for name, parameter in encoder.named_parameters():
        torch.testing.assert_close(parameter.grad, weights[name].grad, msg=name)


def test_asking_for_maps_does_not_change_the_vectors(encoder: SliceEncoder, stack: Tensor) -> None:
    assert torch.equal(encoder(stack).vectors, encoder(stack, maps=True).vectors)
    assert encoder(stack).maps == ()


@pytest.mark.parametrize(
    ("size", "stages"),
    [
        ((96, 114), [(24, 29), (12, 15), (6, 8)]),
        ((114, 96), [(29, 24), (15, 12), (8, 6)]),
        ((96, 96), [(24, 24), (12, 12), (6, 6)]),
        ((160, 192), [(40, 48), (20, 24), (10, 12)]),
        ((192, 128), [(48, 32), (24, 16), (12, 8)]),
        ((160, 128), [(40, 32), (20, 16), (10, 8)]),
    ],
)
def test_the_stages_have_the_sizes_of_the_reference(size: tuple[int, int], stages: list[tuple[int, int]]) -> None:
    with torch.device("meta"):
        features = SliceEncoder(1, 16, 64)(torch.empty(1, 2, 1, *size), maps=True)
    assert [tuple(stage.shape[3:]) for stage in features.maps] == stages


@pytest.mark.parametrize("channels", [1, 3])
def test_channels_come_last_in_memory_even_where_there_is_only_one(channels: int) -> None:
    """Convolutions read the layout from the strides, and choose a slow way for one channel that is not told."""
    images = torch.rand((5, channels, 8, 6), generator=generator())
    laid_out = channels_last(images)
    assert laid_out.stride() == (8 * 6 * channels, 1, 6 * channels, channels)
    assert torch.equal(laid_out, images)


def test_an_encoder_leaves_the_stack_it_was_given_alone(encoder: SliceEncoder, stack: Tensor) -> None:
    before = stack.clone()
    encoder(stack)
    assert torch.equal(stack, before)


@pytest.mark.parametrize("together", [1, 2, 3])
def test_scans_that_are_encoded_together_are_encoded_as_one_by_one(
    together: int, encoder: SliceEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Values and gradients are the same, however many large scans' voxels a processor takes at a time."""
    stack = torch.rand((3, *STACK[1:]), generator=generator(2), dtype=torch.float64)
    sizes: list[int] = []
    monkeypatch.setattr(encoder, "_encode", lambda *given: sizes.append(given[1]) or encoder.encode(*given))
    monkeypatch.setattr(slice_encoder, "VOXELS_AT_ONCE", together * 11 * 40 * 36)
    found, gradients = encoded(encoder, stack)
    assert sizes == {1: [1, 1, 1], 2: [2, 1], 3: [3]}[together]
    alone = [encoder(scan[None], maps=True) for scan in stack]
    torch.testing.assert_close(found.vectors, torch.cat([one.vectors for one in alone]))
    for level, maps in enumerate(found.maps):
        torch.testing.assert_close(maps, torch.cat([one.maps[level] for one in alone]))
    monkeypatch.setattr(slice_encoder, "VOXELS_AT_ONCE", 1)
    torch.testing.assert_close(gradients, encoded(encoder, stack)[1])


def test_a_card_encodes_a_batch_as_a_processor_does(
    encoder: SliceEncoder, stack: Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected, expected_gradients = encoded(encoder, stack)
    monkeypatch.setattr(slice_encoder, "normalize_stacks", lambda images, scans, _: normalize_together(images, scans))
    monkeypatch.setattr(slice_encoder, "pool_normalised", pool_together)
    found, gradients = encoded(encoder, stack)
    torch.testing.assert_close(found.vectors, expected.vectors)
    torch.testing.assert_close(found.maps, expected.maps)
    torch.testing.assert_close(gradients, expected_gradients)


def encoded(encoder: SliceEncoder, stack: Tensor) -> tuple[SliceFeatures, tuple[Tensor, ...]]:
    """Encode some scans, and return what moves the weights for an arbitrary loss."""
    features = encoder(stack, maps=True)
    direction = torch.randn(features.vectors.shape, generator=generator(1), dtype=torch.float64)
    return features, torch.autograd.grad((features.vectors * direction).sum(), list(encoder.parameters()))


@pytest.mark.journey
def test_narrow_networks_do_not_break_the_memory() -> None:
    """A strided 1x1 convolution of four channels ended this script with `double free or corruption`."""
    script = (
        "import torch\n"
        "from medical_transformer.backbones import build_backbone\n"
        "narrow = {'in_channels': 1, 'width': 4, 'embedding': 8, 'feed_forward': 12, 'heads': 2, 'head_size': 5}\n"
        "for _ in range(30):\n"
        "    build_backbone('medical-transformer', narrow)(torch.rand(2, 1, 24, 24, 24)).vector.sum().backward()\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
