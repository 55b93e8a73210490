"""The small 3-D U-Net of the five self-supervised tasks (Taleb et al. 2020, arXiv 2006.03829).

A convolution is followed by ReLU and only then by batch normalisation, and dropout stands within each block. After the
bottom the published encoder pools once more.
"""

from itertools import pairwise
from typing import Annotated

from pydantic import Field
from torch import nn
from torch.nn import functional

from medical_transformer.backbones.baselines.baseline import (
    Baseline,
    BaselineConfig,
    Features,
    cut_to,
    initialise_convolutions,
)
from medical_transformer.backbones.baselines.decoders import UNetDecoder
from medical_transformer.contracts import Decoder
from medical_transformer.shapes import ScanVectors, VolumeBatch

LEVELS = (16, 32, 64, 128, 256)


class SelfSupervisedUNetConfig(BaselineConfig):
    """Its settings."""

    hidden: Annotated[
        int, Field(ge=0, le=4096, description="Hidden layer of the prediction network (Table 3); 0 makes it linear.")
    ] = 64
    dropout: Annotated[float, Field(ge=0, lt=1, description="Dropout within each block.")] = 0.5
    momentum: Annotated[
        float,
        Field(
            gt=0,
            le=1,
            description="Share of a new batch in the running statistics (Keras: 1 - 0.99), which what is measured on "
            "training scans replaces before each validation.",
        ),
    ] = 0.01


class SelfSupervisedUNet(Baseline):
    """The encoder."""

    batch_statistics = True

    def __init__(self, config: SelfSupervisedUNetConfig | None = None) -> None:
        self.config = config or SelfSupervisedUNetConfig()
        super().__init__(self.config, LEVELS)
        widths = (self.config.in_channels, *LEVELS)
        self.levels = nn.ModuleList(Block(source, target, self.config) for source, target in pairwise(widths))
        self.apply(initialise_convolutions)

    def encode(self, volumes: VolumeBatch) -> list[Features]:
        """Return what stands before each pooling."""
        found = [self.levels[0](volumes)]
        for level in list(self.levels)[1:]:
            found.append(level(halve(found[-1])))
        return found

    def summarise(self, deepest: Features) -> ScanVectors:
        """Pool once more, then take the mean."""
        return halve(deepest).mean(dim=(2, 3, 4))

    def own_decoder(self, outputs: int) -> Decoder:
        """Build the U-Net's other half."""
        return SelfSupervisedUNetDecoder(outputs, self.config)


class SelfSupervisedUNetDecoder(UNetDecoder):
    """The other half; it begins where the encoder ends, one pooling below the bottom."""

    def __init__(self, outputs: int, config: SelfSupervisedUNetConfig) -> None:
        steps = list(pairwise(LEVELS[::-1]))
        rises = [nn.ConvTranspose3d(deep, skip, 2, stride=2) for deep, skip in steps]
        blocks = [Block(2 * skip, skip, config) for _, skip in steps]
        super().__init__(rises, blocks, LEVELS[0], outputs)
        self.apply(initialise_convolutions)

    def start(self, deepest: Features) -> Features:
        """Pool and repeat: what is left of the bottom."""
        return cut_to(functional.interpolate(halve(deepest), scale_factor=2, mode="nearest"), deepest.shape[2:])


class Block(nn.Sequential):
    """Convolution, ReLU, batch normalisation; dropout; the same again."""

    def __init__(self, source: int, target: int, config: SelfSupervisedUNetConfig) -> None:
        super().__init__(
            nn.Conv3d(source, target, 3, padding=1),
            nn.ReLU(),
            nn.BatchNorm3d(target, eps=1e-3, momentum=config.momentum),
            nn.Dropout(config.dropout),
            nn.Conv3d(target, target, 3, padding=1),
            nn.ReLU(),
            nn.BatchNorm3d(target, eps=1e-3, momentum=config.momentum),
        )


def halve(features: Features) -> Features:
    """Take the largest of eight voxels; an odd side is rounded up."""
    return functional.max_pool3d(features, 2, ceil_mode=True)
