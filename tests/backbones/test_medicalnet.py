"""MedicalNet against a second reading of its publication: plain functions of tensors under the published names.

Nothing of the package is in the reference (arXiv 1904.00625): a ResNet whose third and fourth stages keep the size and
are dilated instead. Shortcut A takes every other voxel and adds channels of zeros; shortcut B is a convolution.
"""

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from .published_samples import Tensors, draws, network

# Depth: blocks per stage, and whether they are bottlenecks of four times the width.
DEPTHS = {10: ((1, 1, 1, 1), False), 18: ((2, 2, 2, 2), False), 50: ((3, 4, 6, 3), True)}
# Prefix, stride of the first block, dilation.
STAGES = (("layer1", 1, 1), ("layer2", 2, 1), ("layer3", 1, 2), ("layer4", 1, 4))


def layer(
    volume: Tensor, weights: Tensors, convolution: str, norm: str, *, stride: int = 1, dilation: int = 1
) -> Tensor:
    """Convolve with as much padding as keeps the size, and normalise by stored mean and variance."""
    kernel = weights[f"{convolution}.weight"]
    padding = dilation * (kernel.shape[-1] // 2)
    volume = functional.conv3d(volume, kernel, stride=stride, padding=padding, dilation=dilation)
    mean, variance, weight, bias = (
        weights[f"{norm}.{kind}"][:, None, None, None] for kind in ("running_mean", "running_var", "weight", "bias")
    )
    return (volume - mean) / torch.sqrt(variance + 1e-5) * weight + bias


def shortcut(volume: Tensor, weights: Tensors, block: str, stride: int, channels: int) -> Tensor:
    if f"{block}.downsample.0.weight" in weights:
        return layer(volume, weights, f"{block}.downsample.0", f"{block}.downsample.1", stride=stride)
    volume = volume[:, :, ::stride, ::stride, ::stride]
    zeros = volume.new_zeros((len(volume), channels - volume.shape[1], *volume.shape[2:]))
    return torch.cat([volume, zeros], dim=1)


def residual(volume: Tensor, weights: Tensors, block: str, *, bottleneck: bool, stride: int, dilation: int) -> Tensor:
    """The stride is that of the first convolution, or of a bottleneck's second; every 3x3x3 one is dilated."""
    strides = (1, stride, 1) if bottleneck else (stride, 1)
    found = volume
    for number, step in enumerate(strides, start=1):
        found = found if number == 1 else torch.relu(found)
        wide = weights[f"{block}.conv{number}.weight"].shape[-1] == 3
        names = f"{block}.conv{number}", f"{block}.bn{number}"
        found = layer(found, weights, *names, stride=step, dilation=dilation if wide else 1)
    return torch.relu(found + shortcut(volume, weights, block, stride, found.shape[1]))


def medicalnet(volume: Tensor, weights: Tensors, depth: int) -> list[Tensor]:
    """Return the stem and the four stages."""
    blocks, bottleneck = DEPTHS[depth]
    levels = [torch.relu(layer(volume, weights, "conv1", "bn1", stride=2))]
    volume = functional.max_pool3d(levels[0], 3, stride=2, padding=1)
    for (stage, stride, dilation), count in zip(STAGES, blocks, strict=True):
        for number in range(count):
            step = stride if number == 0 else 1
            volume = residual(
                volume, weights, f"{stage}.{number}", bottleneck=bottleneck, stride=step, dilation=dilation
            )
        levels.append(volume)
    return levels


@pytest.mark.parametrize(
    ("depth", "has_convolutions_as_shortcuts"), [(10, True), (18, False), (50, True)], ids=["10", "18", "50"]
)
def test_the_whole_function_is_the_published_one(depth: int, has_convolutions_as_shortcuts: bool) -> None:
    backbone = network("medicalnet", depth=depth).eval()
    for number, (name, tensor) in enumerate(backbone.state_dict().items()):
        if tensor.ndim == 1:  # statistics and scales that are not all alike
            tensor.copy_(draws(tuple(tensor.shape), number) * 0.1 + ("var" in name or "weight" in name))
    backbone = backbone.double()
    weights = {name.removeprefix("trunk."): tensor for name, tensor in backbone.state_dict().items()}
    assert any("downsample" in name for name in weights) == has_convolutions_as_shortcuts
    volume = torch.rand((1, 1, 33, 24, 17), generator=torch.Generator().manual_seed(4), dtype=torch.float64)
    with torch.no_grad():
        found, levels = backbone(volume, maps=True), medicalnet(volume, weights, depth)
    assert [tuple(level.shape[2:]) for level in levels] == [(17, 12, 9), (9, 6, 5), *3 * [(5, 3, 3)]]
    for own, expected in zip(reversed(found.maps), levels, strict=True):
        assert float(expected.std()) > 0.01
        assert torch.allclose(own, expected, atol=1e-5)
    assert torch.allclose(found.vector, levels[-1].mean(dim=(2, 3, 4)), atol=1e-5)
