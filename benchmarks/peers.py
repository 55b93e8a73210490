"""The networks that ours is measured against, each with random weights: speed does not depend on them."""

from itertools import pairwise
from typing import Any, cast

from monai.networks.nets import DynUNet, SegResNet, SwinUNETR, resnet18
from torch import Tensor, nn
from torch.nn import functional


class PlainEncoder(nn.Module):
    """One plane's encoder as the authors released it: the last axis numbers slices, and kernels are (k, k, 1)."""

    def __init__(self, in_channels: int = 1, width: int = 16, embedding: int = 64) -> None:
        super().__init__()
        self.stem = _convolution(in_channels, width, 7, 2)
        widths = [width, width, 2 * width, 4 * width, 8 * width]
        blocks = []
        for source, target in pairwise(widths):
            stride = 1 if source == target else 2
            blocks += [PlainBlock(source, target, stride), PlainBlock(target, target, 1)]
        self.blocks = nn.Sequential(*blocks)
        self.embed = nn.Linear(widths[-1], embedding)

    def forward(self, volumes: Tensor) -> Tensor:
        """Return slice vectors (batch, slice, embedding)."""
        images = functional.relu(functional.instance_norm(self.stem(volumes)))
        images = functional.max_pool3d(images, (3, 3, 1), stride=(2, 2, 1), padding=(1, 1, 0))
        vectors: Tensor = self.embed(self.blocks(images).mean(dim=(2, 3)).transpose(1, 2))
        return vectors


class PlainBlock(nn.Module):
    """A basic block in three dimensions."""

    def __init__(self, source: int, target: int, stride: int) -> None:
        super().__init__()
        self.first, self.second = _convolution(source, target, 3, stride), _convolution(target, target, 3, 1)
        self.shortcut = _convolution(source, target, 1, stride) if stride > 1 else None

    def forward(self, images: Tensor) -> Tensor:
        """Add the block's correction."""
        inner = functional.relu(functional.instance_norm(self.first(images)))
        kept = images if self.shortcut is None else functional.instance_norm(self.shortcut(images))
        return functional.relu(kept + functional.instance_norm(self.second(inner)))


class PlainEncoders(nn.Module):
    """The three planes' plain encoders; the axis that numbers slices is moved to the end."""

    def __init__(self, in_channels: int = 1) -> None:
        super().__init__()
        self.encoders = nn.ModuleList(PlainEncoder(in_channels) for _ in range(3))

    def forward(self, volumes: Tensor) -> list[Tensor]:
        """Return slice vectors of the sagittal, coronal and axial plane."""
        return [encoder(volumes.movedim(2 + axis, 4)) for axis, encoder in enumerate(self.encoders)]


def _convolution(source: int, target: int, size: int, stride: int) -> nn.Conv3d:
    return nn.Conv3d(source, target, (size, size, 1), (stride, stride, 1), (size // 2, size // 2, 0), bias=False)


class MedicalNet(nn.Module):
    """MONAI's ResNet-18 with the strides and dilations of MedicalNet, a pooled vector and the paper's head."""

    def __init__(self) -> None:
        super().__init__()
        options: dict[str, Any] = {"shortcut_type": "A", "bias_downsample": True, "conv1_t_stride": 2}
        self.trunk = resnet18(spatial_dims=3, n_input_channels=1, feed_forward=False, **options)
        for layer, dilation in ((self.trunk.layer3, 2), (self.trunk.layer4, 4)):
            _dilate(layer, dilation)
        self.head = nn.Sequential(nn.Linear(512, 128), nn.ReLU(), nn.Linear(128, 3))

    def forward(self, volumes: Tensor) -> Tensor:
        """Return class scores."""
        scores: Tensor = self.head(self.trunk(volumes).flatten(1))
        return scores


def _dilate(layer: nn.Module, dilation: int) -> None:
    for module in layer.modules():
        if isinstance(module, nn.Conv3d) and module.kernel_size == (3, 3, 3):
            module.stride, module.dilation, module.padding = (1,) * 3, (dilation,) * 3, (dilation,) * 3
    # Shortcut A sub-samples and pads channels with zeros: here it only pads.
    first = cast(Any, layer)[0]
    first.downsample = _PadChannels(first.conv1.in_channels, first.conv2.out_channels)


class _PadChannels(nn.Module):
    def __init__(self, source: int, target: int) -> None:
        super().__init__()
        self.more = target - source

    def forward(self, images: Tensor) -> Tensor:
        return functional.pad(images, (0, 0, 0, 0, 0, 0, 0, self.more))


def genesis() -> nn.Module:
    """Return the encoder of Models Genesis (7,027,776 weights) with the paper's head."""
    layers: list[nn.Module] = []
    widths = [(1, 32, 64), (64, 64, 128), (128, 128, 256), (256, 256, 512)]
    for number, (source, middle, target) in enumerate(widths):
        layers += [nn.MaxPool3d(2)] if number else []
        for one, other in ((source, middle), (middle, target)):
            layers += [nn.Conv3d(one, other, 3, padding=1), nn.BatchNorm3d(other), nn.ReLU(inplace=True)]
    head = [nn.AdaptiveAvgPool3d(1), nn.Flatten(), nn.Linear(512, 128), nn.ReLU(), nn.Linear(128, 3)]
    return nn.Sequential(*layers, *head)


def segres() -> nn.Module:
    return SegResNet(spatial_dims=3, init_filters=16, in_channels=4, out_channels=4)


def dynunet() -> nn.Module:
    """Return nnU-Net's shape: six stages, widths 32 to 320 (31 million weights)."""
    strides = [1, 2, 2, 2, 2, 2]
    return DynUNet(3, 4, 4, kernel_size=[3] * 6, strides=strides, upsample_kernel_size=strides[1:])


def swin() -> nn.Module:
    return SwinUNETR(in_channels=4, out_channels=4, feature_size=48)


def count(network: nn.Module) -> int:
    return sum(weights.numel() for weights in network.parameters())


if __name__ == "__main__":
    for build in (PlainEncoders, MedicalNet, genesis, segres, dynunet, swin):
        print(build.__name__, f"{count(build()):,}")
