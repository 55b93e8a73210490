"""The 3-D U-Net of Models Genesis (Zhou et al. 2021, doi 10.1016/j.media.2020.101840), written from its description.

The original normalises with the statistics of the batch even when it predicts; with one scan in the batch, that is the
normalisation of each scan by itself which stands here. A bias before it has no influence and is kept for the count and
for the published file. Code and weights of the authors are for academic, non-commercial use, patent pending; neither
comes with this package.
"""

import re
from collections.abc import Mapping
from itertools import pairwise

from torch import Tensor, nn
from torch.nn import functional

from medical_transformer.backbones.baselines.baseline import Baseline, BaselineConfig, Features, ScanNorm, Translation
from medical_transformer.backbones.baselines.decoders import UNetDecoder
from medical_transformer.contracts import Decoder
from medical_transformer.errors import WeightsError
from medical_transformer.shapes import VolumeBatch

LEVELS = (64, 128, 256, 512)


class GenesisUNet(Baseline):
    """The encoder: pairs of convolutions, halved three times."""

    def __init__(self, config: BaselineConfig | None = None) -> None:
        config = config or BaselineConfig()
        super().__init__(config, LEVELS)
        sources = (config.in_channels, *LEVELS[:-1])
        self.levels = nn.ModuleList(
            Pair(source, target // 2, target) for source, target in zip(sources, LEVELS, strict=True)
        )

    def encode(self, volumes: VolumeBatch) -> list[Features]:
        """Return what stands before each pooling, and the bottom."""
        found = [self.levels[0](volumes)]
        for level in list(self.levels)[1:]:
            found.append(level(functional.max_pool3d(found[-1], 2, ceil_mode=True)))
        return found

    def own_decoder(self, outputs: int) -> Decoder:
        """Build the U-Net's other half."""
        widths = LEVELS[::-1]
        rises = [nn.ConvTranspose3d(width, width, 2, stride=2) for width in widths[:-1]]
        blocks = [Pair(deep + skip, skip, skip) for deep, skip in pairwise(widths)]
        return UNetDecoder(rises, blocks, widths[-1], outputs)

    def translate(self, tensors: Mapping[str, Tensor]) -> Translation:
        """Read the published file; running statistics, which the original never used, are left."""
        found: dict[str, dict[str, Tensor]] = {"backbone": {}, "decoder": {}}
        left = {}
        for name, tensor in tensors.items():
            if name.endswith(("running_mean", "running_var", "num_batches_tracked")):
                left[name] = "the original always takes the statistics of what it sees"
            elif name.startswith("out_tr."):
                left[name] = "restores intensities"
            else:
                part, own = _own_name(name)
                found[part][own] = tensor
        return Translation(found["backbone"], found["decoder"], left)


class Pair(nn.Sequential):
    """Two convolutions, each normalised and followed by ReLU."""

    def __init__(self, source: int, middle: int, target: int) -> None:
        super().__init__(Unit(source, middle), Unit(middle, target))


class Unit(nn.Module):
    """A 3x3x3 convolution, normalised, ReLU."""

    def __init__(self, source: int, target: int) -> None:
        super().__init__()
        self.conv = nn.Conv3d(source, target, 3, padding=1)
        self.norm = ScanNorm(target)

    def forward(self, features: Features) -> Features:
        """Apply all three."""
        return functional.relu(self.norm(self.conv(features)))


# The published names carry the width that a level ends (down) or begins (up) with.
DOWN_NAME = re.compile(r"down_tr(64|128|256|512)\.ops\.([01])\.(conv|bn)1\.(weight|bias)")
UP_NAME = re.compile(r"up_tr(256|128|64)\.ops\.([01])\.(conv|bn)1\.(weight|bias)")
RISE_NAME = re.compile(r"up_tr(256|128|64)\.up_conv\.(weight|bias)")
LAYERS = {"conv": "conv", "bn": "norm"}


def _own_name(name: str) -> tuple[str, str]:
    """Return the part and this file's name of a tensor.

    Raises:
        WeightsError: for a name that the published file does not have.
    """
    rises = LEVELS[-2::-1]
    if down := DOWN_NAME.fullmatch(name):
        return "backbone", f"levels.{LEVELS.index(int(down[1]))}.{down[2]}.{LAYERS[down[3]]}.{down[4]}"
    if up := UP_NAME.fullmatch(name):
        return "decoder", f"blocks.{rises.index(int(up[1]))}.{up[2]}.{LAYERS[up[3]]}.{up[4]}"
    if rise := RISE_NAME.fullmatch(name):
        return "decoder", f"rises.{rises.index(int(rise[1]))}.{rise[2]}"
    raise WeightsError(f"This is no file of Models Genesis' 3-D U-Net: it has a tensor {name!r}.")
