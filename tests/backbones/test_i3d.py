"""I3D against a second reading of its publication: written plainly, under the published names, weights through a file.

Nothing of the package is in the reference: padding is counted from the size of the output (TensorFlow's "SAME"),
pooling takes each window by itself, and a mixed block lays its four branches side by side (arXiv 1705.07750).
"""

from itertools import product
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from medical_transformer.backbones import build_backbone, load_published

# Endpoint: channels in; 1x1x1 | 1x1x1 then 3x3x3 | 1x1x1 then 3x3x3 | pooled, then 1x1x1.
MIXED = {
    "Mixed_3b": (192, 64, (96, 128), (16, 32), 32),
    "Mixed_3c": (256, 128, (128, 192), (32, 96), 64),
    "Mixed_4b": (480, 192, (96, 208), (16, 48), 64),
    "Mixed_4c": (512, 160, (112, 224), (24, 64), 64),
    "Mixed_4d": (512, 128, (128, 256), (24, 64), 64),
    "Mixed_4e": (512, 112, (144, 288), (32, 64), 64),
    "Mixed_4f": (528, 256, (160, 320), (32, 128), 128),
    "Mixed_5b": (832, 256, (160, 320), (32, 128), 128),
    "Mixed_5c": (832, 384, (192, 384), (48, 128), 128),
}


def same(volume: Tensor, window: tuple[int, ...], step: tuple[int, ...]) -> Tensor:
    """Add zeros until a window fits at every step; an odd one goes behind."""
    for axis in range(3):
        side = volume.shape[2 + axis]
        steps = -(-side // step[axis])
        lacking = max((steps - 1) * step[axis] + window[axis] - side, 0)
        for number, front in ((lacking // 2, True), (lacking - lacking // 2, False)):
            shape = list(volume.shape)
            shape[2 + axis] = number
            zeros = torch.zeros(shape)
            volume = torch.cat([zeros, volume] if front else [volume, zeros], dim=2 + axis)
    return volume


def largest(volume: Tensor, window: tuple[int, ...], step: tuple[int, ...]) -> Tensor:
    """Take the largest value under a window at every step."""
    padded = same(volume, window, step)
    sides = [(padded.shape[2 + axis] - window[axis]) // step[axis] + 1 for axis in range(3)]
    found = padded.new_empty((*padded.shape[:2], *sides))
    for place in product(*(range(side) for side in sides)):
        x, y, z = (slice(at * by, at * by + size) for at, by, size in zip(place, step, window, strict=True))
        found[(slice(None), slice(None), *place)] = padded[:, :, x, y, z].amax(dim=(2, 3, 4))
    return found


class Unit3D(nn.Module):
    """Convolution, normalisation by stored mean and variance, ReLU."""

    def __init__(self, source: int, target: int, size: int, step: int = 1) -> None:
        super().__init__()
        self.conv3d = nn.Conv3d(source, target, size, step, bias=False)
        self.bn = nn.BatchNorm3d(target)
        self.size, self.step = (size,) * 3, (step,) * 3

    def forward(self, volume: Tensor) -> Tensor:
        """Pad and apply all three."""
        found = functional.conv3d(same(volume, self.size, self.step), self.conv3d.weight, stride=self.step)
        mean, variance, weight, bias = (
            one[:, None, None, None]
            for one in (self.bn.running_mean, self.bn.running_var, self.bn.weight, self.bn.bias)
        )
        return torch.relu((found - mean) / torch.sqrt(variance + 0.001) * weight + bias)


class Inception(nn.Module):
    """Four branches, concatenated in the order of their names."""

    def __init__(self, source: int, b0: int, b1: tuple[int, int], b2: tuple[int, int], b3: int) -> None:
        super().__init__()
        self.b0 = Unit3D(source, b0, 1)
        self.b1a, self.b1b = Unit3D(source, b1[0], 1), Unit3D(*b1, 3)
        self.b2a, self.b2b = Unit3D(source, b2[0], 1), Unit3D(*b2, 3)
        self.b3b = Unit3D(source, b3, 1)

    def forward(self, volume: Tensor) -> Tensor:
        """Apply all four."""
        pooled = largest(volume, (3, 3, 3), (1, 1, 1))
        parts = (self.b0(volume), self.b1b(self.b1a(volume)), self.b2b(self.b2a(volume)), self.b3b(pooled))
        return torch.cat(parts, dim=1)


class InceptionI3d(nn.Module):
    """The trunk on colours; returns what stands before each pooling, and the end."""

    def __init__(self) -> None:
        super().__init__()
        self.Conv3d_1a_7x7 = Unit3D(3, 64, 7, 2)
        self.Conv3d_2b_1x1 = Unit3D(64, 64, 1)
        self.Conv3d_2c_3x3 = Unit3D(64, 192, 3)
        for name, widths in MIXED.items():
            self.add_module(name, Inception(*widths))

    def forward(self, colours: Tensor) -> list[Tensor]:
        """Go through the endpoints in order."""
        found = [self.Conv3d_1a_7x7(colours)]
        volume = largest(found[-1], (1, 3, 3), (1, 2, 2))
        found.append(self.Conv3d_2c_3x3(self.Conv3d_2b_1x1(volume)))
        volume = largest(found[-1], (1, 3, 3), (1, 2, 2))
        for name in MIXED:
            if name == "Mixed_4b":
                found.append(volume)
                volume = largest(volume, (3, 3, 3), (2, 2, 2))
            if name == "Mixed_5b":
                found.append(volume)
                volume = largest(volume, (2, 2, 2), (2, 2, 2))
            volume = self.get_submodule(name)(volume)
        return [*found, volume]


@pytest.fixture(scope="module")
def reference() -> InceptionI3d:
    """Return the reference with weights that keep its features alive to the end, and statistics of no pattern."""
    draws = torch.Generator().manual_seed(3)
    with torch.random.fork_rng():
        network = InceptionI3d().eval()
    for name, tensor in network.state_dict().items():
        if tensor.ndim == 5:
            tensor.normal_(std=(2 / tensor[0].numel()) ** 0.5, generator=draws)
        elif name.endswith(("running_var", "bn.weight")):
            tensor.uniform_(0.5, 1.5, generator=draws)
        elif tensor.is_floating_point():
            tensor.normal_(std=0.2, generator=draws)
    return network


@torch.no_grad()
@pytest.mark.parametrize("shape", [(18, 35, 23), (16, 32, 64)], ids=["odd sides", "sides that halve"])
def test_i3d_computes_its_published_function(shape: tuple[int, ...], reference: InceptionI3d, tmp_path: Path) -> None:
    """A grey scan in [0, 1] is answered as the same picture in three equal colours in [-1, 1]."""
    torch.save(reference.state_dict(), tmp_path / "rgb_imagenet.pt")
    backbone = build_backbone("i3d", {"intensities": "symmetric"}).eval()
    load_published("i3d", backbone, str(tmp_path / "rgb_imagenet.pt"))
    grey = torch.rand((1, 1, *shape), generator=torch.Generator().manual_seed(0))
    expected = reference((2 * grey - 1).expand(-1, 3, -1, -1, -1))
    encoding = backbone(grey, maps=True)
    for ours, theirs in zip(reversed(encoding.maps), expected, strict=True):
        assert float(theirs.std()) > 0.05  # a dead network would agree with anything
        torch.testing.assert_close(ours, theirs, rtol=1e-3, atol=1e-3)
    torch.testing.assert_close(encoding.vector, expected[-1].mean(dim=(2, 3, 4)), rtol=1e-3, atol=1e-3)
