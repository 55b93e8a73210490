"""V-Net (Milletari et al. 2016, arXiv 1606.04797) as in the public PyTorch version that fits Table 3's row "NiftyNet".

ELU, biased convolutions, a residual at every level. The original normalises with the statistics of the batch even when
it predicts; with one scan in the batch, that is the normalisation of each scan by itself which stands here. A bias
before it has no influence and is kept for the count.
"""

from collections.abc import Sequence

from torch import nn
from torch.nn import functional

from medical_transformer.backbones.baselines.baseline import (
    Baseline,
    BaselineConfig,
    Features,
    ScanNorm,
    cut_to,
    join,
    make_even,
)
from medical_transformer.contracts import Decoder, Encoding
from medical_transformer.shapes import OutputMap, VolumeBatch

LEVELS = (16, 32, 64, 128, 256)


class VNet(Baseline):
    """The way down."""

    def __init__(self, config: BaselineConfig | None = None) -> None:
        config = config or BaselineConfig()
        super().__init__(config, LEVELS)
        self.conv = nn.Conv3d(config.in_channels, 16, 5, padding=2)
        self.norm = ScanNorm(16)
        self.downs = nn.ModuleList(
            [Down(16, 1, dropout=0.0), Down(32, 2, dropout=0.0), Down(64, 3, dropout=0.5), Down(128, 2, dropout=0.5)]
        )

    def encode(self, volumes: VolumeBatch) -> list[Features]:
        """Add the scan, repeated, to its first features, and halve four times."""
        repeats = -(-16 // self.in_channels)
        repeated = volumes.repeat(1, repeats, 1, 1, 1)[:, :16]
        levels = [functional.elu(self.norm(self.conv(volumes)) + repeated)]
        for down in self.downs:
            levels.append(down(levels[-1]))
        return levels

    def own_decoder(self, outputs: int) -> Decoder:
        """Build the way up."""
        return VNetDecoder(outputs)


class VNetDecoder(Decoder):
    """The way up, and its last two convolutions."""

    def __init__(self, outputs: int) -> None:
        super().__init__()
        self.ups = nn.ModuleList(
            [Up(256, 256, 2, dropout=0.5), Up(256, 128, 2, dropout=0.5), Up(128, 64, 1, dropout=0.0),
             Up(64, 32, 1, dropout=0.0)]
        )  # fmt: skip
        self.last = Convolved(32, outputs)
        self.classify = nn.Conv3d(outputs, outputs, 1)

    def forward(self, encoding: Encoding, shape: Sequence[int]) -> OutputMap:
        """Predict class scores for every voxel."""
        features = encoding.maps[0]
        for up, skip in zip(self.ups, encoding.maps[1:], strict=True):
            features = up(features, skip)
        return cut_to(self.classify(self.last(features)), shape)


class Convolved(nn.Module):
    """A 5x5x5 convolution, normalised, ELU."""

    def __init__(self, source: int, target: int) -> None:
        super().__init__()
        self.conv = nn.Conv3d(source, target, 5, padding=2)
        self.norm = ScanNorm(target)

    def forward(self, features: Features) -> Features:
        """Apply all three."""
        return functional.elu(self.norm(self.conv(features)))


class Down(nn.Module):
    """Halve the map, double the channels, and add what a few convolutions make of it."""

    def __init__(self, source: int, convolutions: int, *, dropout: float) -> None:
        super().__init__()
        target = 2 * source
        self.halve = nn.Conv3d(source, target, 2, stride=2)
        self.norm = ScanNorm(target)
        self.drop = nn.Dropout3d(dropout)
        self.convolutions = nn.Sequential(*(Convolved(target, target) for _ in range(convolutions)))

    def forward(self, features: Features) -> Features:
        """Go down one level."""
        halved = functional.elu(self.norm(self.halve(make_even(features))))
        return functional.elu(self.convolutions(self.drop(halved)) + halved)


class Up(nn.Module):
    """Double the map, lay the skipped one beside it, and add what a few convolutions make of both."""

    def __init__(self, source: int, target: int, convolutions: int, *, dropout: float) -> None:
        super().__init__()
        self.rise = nn.ConvTranspose3d(source, target // 2, 2, stride=2)
        self.norm = ScanNorm(target // 2)
        self.drop, self.drop_skip = nn.Dropout3d(dropout), nn.Dropout3d(0.5)
        self.convolutions = nn.Sequential(*(Convolved(target, target) for _ in range(convolutions)))

    def forward(self, features: Features, skip: Features) -> Features:
        """Go up one level."""
        risen = functional.elu(self.norm(self.rise(self.drop(features))))
        both = join(risen, self.drop_skip(skip))
        return functional.elu(self.convolutions(both) + both)
