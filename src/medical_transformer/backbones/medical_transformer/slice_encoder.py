"""The convolutional encoder of one plane: a narrow ResNet-18 that turns every slice into a vector.

Paper section 4.1.1 says ResNet-18; the widths 16-32-64-128, the parameter-free normalisation over a plane's whole
stack and the global pooling are the ones that reproduce Table 3.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from medical_transformer.backbones.medical_transformer.empty_slices import find_empty
from medical_transformer.backbones.medical_transformer.normalisation import (
    SliceImages,
    StageImages,
    normalize_stacks,
    pool_normalised,
)
from medical_transformer.backbones.medical_transformer.sharing import gather_scans, take_share
from medical_transformer.shapes import Encodings, SliceStack

StageStack = Float[Tensor, "batch slice _channel _height _width"]
SliceVectors = Float[Tensor, "slice embedding"]
Encode = Callable[[SliceImages, int, bool], tuple[SliceVectors, list[StageImages]]]

# Voxels that a processor encodes at a time: a scan of 96x114x96, whose activations still fit into its caches.
VOXELS_AT_ONCE = 96 * 114 * 96


@dataclass(frozen=True, slots=True)
class SliceFeatures:
    """What the encoder says about the slices of one plane.

    Attributes:
        vectors: one vector per slice.
        maps: outputs of the first three stages (blocks #2 to #4 of the paper's Fig. 3), fine to coarse; empty
            unless they were asked for.
    """

    vectors: Encodings
    maps: tuple[StageStack, ...]


class SliceEncoder(nn.Module):
    """ResNet-18 over slices, normalised over the whole stack of a scan."""

    def __init__(self, in_channels: int, width: int, embedding: int) -> None:
        super().__init__()
        widths = [width, 2 * width, 4 * width, 8 * width]
        self.map_channels = tuple(widths[:3])
        self.stem = nn.Conv2d(in_channels, width, 7, stride=2, padding=3, bias=False)
        self.stages = nn.ModuleList(
            Stage(source, target, stride=1 if source == target else 2)
            for source, target in zip([width, *widths[:3]], widths, strict=True)
        )
        self.embed = nn.Linear(widths[-1], embedding)
        self.apply(_initialise)
        self._encode: Encode = self.encode

    def forward(self, stack: SliceStack, *, maps: bool = False) -> SliceFeatures:
        """Encode every slice of every scan.

        On a processor as many scans at a time as make up one large scan, because its caches hold no more; on a card
        all at once, because one scan is too little work for it. Where several processes work on the batch, each
        encodes its share of the scans, and all get all features.
        """
        share = take_share(stack)
        together = len(share) if stack.is_cuda else max(1, VOXELS_AT_ONCE // math.prod(stack[0, :, 0].shape))
        groups = torch.split(share, together)
        encoded = [self._encode(channels_last(group.flatten(0, 1)), len(group), maps) for group in groups]
        levels = zip(*[(vectors, *outputs) for vectors, outputs in encoded], strict=True)
        per_scan = [_by_scan(torch.cat(level), len(share)) for level in levels]
        whole = [gather_scans(features, len(stack)) for features in per_scan]
        return SliceFeatures(whole[0], tuple(whole[1:]))

    def compile_encoding(self) -> None:
        """Compile `encode`: fusing what lies between the convolutions saves walking through memory."""
        self._encode = torch.compile(self.encode, dynamic=False)

    def encode(self, images: SliceImages, scans: int, maps: bool) -> tuple[SliceVectors, list[StageImages]]:
        """Encode the slices of some scans: their vectors, and where asked for the outputs of the first three stages.

        Images laid out by `channels_last` are encoded several times faster. Of the empty slices of a scan one is
        encoded for all.
        """
        empty = find_empty(images, scans)
        if empty is None:
            return self._encode_slices(images, scans, 1, maps)
        vectors, outputs = self._encode_slices(empty.take_out(images), scans, empty.copies, maps)
        return empty.put_back(vectors), [empty.put_back(output) for output in outputs]

    def _encode_slices(
        self, images: SliceImages, scans: int, copies: int, maps: bool
    ) -> tuple[SliceVectors, list[StageImages]]:
        """Encode as `encode`; the last image stands for so many equal slices of the stack."""
        images = functional.relu(pool_normalised(self.stem(images), scans, copies), inplace=True)
        outputs = []
        for stage in self.stages:
            images = stage(images, scans, copies)
            outputs.append(images)
        return self.embed(images.mean(dim=(2, 3))), outputs[:3] if maps else []


def _by_scan(features: Tensor, scans: int) -> Tensor:
    return features.view(scans, -1, *features.shape[1:])


class Stage(nn.Module):
    """Two residual blocks; the first may halve the image and widen the channels."""

    def __init__(self, source: int, target: int, *, stride: int) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(
            [ResidualBlock(source, target, stride=stride), ResidualBlock(target, target, stride=1)]
        )

    def forward(self, images: SliceImages, scans: int, copies: int) -> StageImages:
        """Apply both blocks; `normalize_stacks` says what is counted."""
        for block in self.blocks:
            images = block(images, scans, copies)
        return images


class ResidualBlock(nn.Module):
    """The basic block of a ResNet, with a 1x1 shortcut where the shape changes."""

    def __init__(self, source: int, target: int, *, stride: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(source, target, 3, stride=stride, padding=1, bias=False)
        self.second = nn.Conv2d(target, target, 3, padding=1, bias=False)
        self.stride = stride
        self.shortcut: nn.Conv2d | None = None
        if stride != 1 or source != target:
            self.shortcut = nn.Conv2d(source, target, 1, bias=False)

    def forward(self, images: SliceImages, scans: int, copies: int) -> StageImages:
        """Add the block's correction to its input."""
        correction = functional.relu(normalize_stacks(self.first(images), scans, copies), inplace=True)
        correction = normalize_stacks(self.second(correction), scans, copies)
        if self.shortcut is not None:
            # Taken apart, because the strided 1x1 convolution of torch's processor library writes beyond its memory
            # in the backward pass of narrow networks (oneDNN, torch 2.13).
            kept = images[:, :, :: self.stride, :: self.stride]
            images = normalize_stacks(self.shortcut(kept), scans, copies)
        # In place: what is added to, and what the ReLU cuts, is needed by no other gradient.
        return functional.relu(correction.add_(images), inplace=True)


def channels_last(images: SliceImages) -> SliceImages:
    """Lay images out in memory with the channels last, those of one channel too.

    The stride of an axis of length 1 means nothing, so torch takes images of one channel for either layout, and its
    convolutions then choose the slower one: 30 instead of 7 ms forwards and 100 instead of 6 ms backwards for the
    stem on 96 slices of 114x96.
    """
    rows_first = images.permute(0, 2, 3, 1).contiguous()
    slices, height, width, channels = rows_first.shape
    strides = (height * width * channels, 1, width * channels, channels)
    return rows_first.as_strided((slices, channels, height, width), strides)


def _initialise(module: nn.Module) -> None:
    if isinstance(module, nn.Conv2d):
        nn.init.kaiming_normal_(module.weight)
    elif isinstance(module, nn.Linear):
        nn.init.normal_(module.weight, std=0.01)
        nn.init.zeros_(module.bias)
