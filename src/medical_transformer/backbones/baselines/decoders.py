"""Two decoders that several rivals share: the U of a U-Net, and a pyramid for networks published without one."""

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from medical_transformer.backbones.baselines.baseline import Features, cut_to, join
from medical_transformer.contracts import Decoder, Encoding
from medical_transformer.shapes import OutputMap

PYRAMID_WIDTH = 128


class UNetDecoder(Decoder):
    """Rise level by level: up-sample, lay the encoder's map beside it, convolve; a 1x1x1 convolution at the end.

    Args:
        rises: transposed convolutions, from coarse to fine.
        blocks: what follows each of them.
        width: channels of the last block.
        outputs: class scores per voxel.
    """

    def __init__(self, rises: Iterable[nn.Module], blocks: Iterable[nn.Module], width: int, outputs: int) -> None:
        super().__init__()
        self.rises = nn.ModuleList(rises)
        self.blocks = nn.ModuleList(blocks)
        self.classify = nn.Conv3d(width, outputs, 1)

    def forward(self, encoding: Encoding, shape: Sequence[int]) -> OutputMap:
        """Predict class scores for every voxel."""
        features = self.start(encoding.maps[0])
        for rise, block, skip in zip(self.rises, self.blocks, encoding.maps[1:], strict=True):
            features = block(join(rise(features), skip))
        scores: Tensor = self.classify(features)
        return cut_to(scores, shape)

    def start(self, deepest: Features) -> Features:
        """Return what the first rise begins with."""
        return deepest


class PyramidDecoder(Decoder):
    """Bring every map to one width, add them from coarse to fine, and classify at the finest (Lin et al. 2017).

    Ours, for I3D and Swin: the paper does not describe the decoder that it gave to I3D, and its size could not be
    reproduced. Normalised in groups of channels of one scan (Wu and He 2018).
    """

    def __init__(self, map_channels: Sequence[int], outputs: int, width: int = PYRAMID_WIDTH) -> None:
        super().__init__()
        self.reduce = nn.ModuleList(nn.Conv3d(channels, width, 1) for channels in map_channels)
        self.smooth = nn.ModuleList(_smoothing(width) for _ in map_channels)
        self.classify = nn.Conv3d(width, outputs, 1)

    def forward(self, encoding: Encoding, shape: Sequence[int]) -> OutputMap:
        """Predict class scores for every voxel: at the finest map, then up-sampled, which is the same and cheaper."""
        total: Tensor | None = None
        for features, reduce, smooth in zip(encoding.maps, self.reduce, self.smooth, strict=True):
            reduced: Tensor = reduce(features)
            total = smooth(reduced if total is None else reduced + _enlarge(total, reduced.shape[2:]))
        assert total is not None
        return _enlarge(self.classify(total), shape)


def _smoothing(width: int) -> nn.Module:
    return nn.Sequential(nn.Conv3d(width, width, 3, padding=1, bias=False), nn.GroupNorm(8, width), nn.ReLU())


def _enlarge(features: Features, shape: Sequence[int]) -> Features:
    if features.shape[2:] == torch.Size(shape):
        return features
    return functional.interpolate(features, size=list(shape), mode="trilinear", align_corners=False)
