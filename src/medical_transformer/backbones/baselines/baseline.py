"""What the rivals' networks share: settings, the way from levels to an encoding, and how maps are fitted together."""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Literal

import torch
from jaxtyping import Float
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor, nn

from medical_transformer.backbones.baselines.intensities import BRING, Intensities
from medical_transformer.contracts import Backbone, Decoder, Encoding
from medical_transformer.errors import ConfigError, WeightsError
from medical_transformer.shapes import ScanVectors, VolumeBatch

# Features in space at any depth of a network: what goes into a layer and what comes out have sizes of their own.
Features = Float[Tensor, "batch _channel _right _anterior _superior"]


class BaselineConfig(BaseModel):
    """Settings of every rival."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    in_channels: Annotated[int, Field(ge=1, le=16, description="Modalities of a scan.")] = 1
    hidden: Annotated[
        int, Field(ge=0, le=4096, description="Hidden layer of the prediction network (Table 3); 0 makes it linear.")
    ] = 128
    decoder: Annotated[
        Literal["own", "linear"], Field(description="Segment with its own decoder, or linearly on all maps.")
    ] = "own"
    intensities: Annotated[
        Intensities,
        Field(description="What a prepared scan is brought to; with published weights, what these were taught on."),
    ] = "prepared"


@dataclass(frozen=True, slots=True)
class Translation:
    """Tensors of a published file under this package's names.

    Attributes:
        backbone: for the backbone, by its own names.
        decoder: for its decoder, by the decoder's names; empty where the file has none.
        left: names in the file that have no use here, each with the reason.
        adapted: own names of tensors that were changed, each with what was done.
    """

    backbone: Mapping[str, Tensor]
    decoder: Mapping[str, Tensor] = field(default_factory=dict)
    left: Mapping[str, str] = field(default_factory=dict)
    adapted: Mapping[str, str] = field(default_factory=dict)


class Baseline(Backbone):
    """A published convolutional network: levels of features, each at half the size of the one before or equal to it.

    Args:
        config: its settings.
        level_channels: channels of what `encode` returns, from fine to coarse.
    """

    def __init__(self, config: BaselineConfig, level_channels: Sequence[int]) -> None:
        super().__init__()
        self.in_channels = config.in_channels
        self.hidden_features = config.hidden
        self.feature_size = level_channels[-1]
        self.map_channels = tuple(reversed(level_channels))
        self.intensities = config.intensities
        self._bring = BRING[config.intensities]
        self._decoder = config.decoder

    def forward(self, volumes: VolumeBatch, *, maps: bool = False) -> Encoding:
        """Encode all levels of a prepared scan; the scan's vector is the mean of the coarsest."""
        levels = self.encode(self._bring(volumes))
        return Encoding(self.summarise(levels[-1]), tuple(reversed(levels)) if maps else ())

    @abstractmethod
    def encode(self, volumes: VolumeBatch) -> list[Features]:
        """Return the levels from fine to coarse, of scans whose intensities were brought to the network's.

        Every halving rounds up.
        """

    def summarise(self, deepest: Features) -> ScanVectors:
        """Make one vector of the coarsest level."""
        return deepest.mean(dim=(2, 3, 4))

    def build_decoder(self, outputs: int) -> Decoder | None:
        """Build the network's own decoder unless the linear head was asked for."""
        return self.own_decoder(outputs) if self._decoder == "own" else None

    def own_decoder(self, outputs: int) -> Decoder | None:
        """Return the published decoder, or the one chosen here; None where a linear head is the published one."""
        return None

    def translate(self, tensors: Mapping[str, Tensor]) -> Translation:
        """Give the tensors of a published file this network's names.

        Raises:
            WeightsError: if no published file of this network is known, or this is none of them.
        """
        raise WeightsError(f"No published weights of {type(self).__name__} are known; start from `--encoder` instead.")


class ScanNorm(nn.InstanceNorm3d):
    """Normalises every channel over the voxels of each scan by itself, with a weight and a bias."""

    def __init__(self, channels: int) -> None:
        super().__init__(channels, affine=True)

    def forward(self, features: Features) -> Features:
        """Normalise.

        Raises:
            ConfigError: if a single voxel is left, which has no spread.
        """
        if features[0, 0].numel() < 2:
            raise ConfigError(
                "The field of view is too small for this network: a single voxel is left at its coarsest level. "
                "Give it larger volumes (a smaller --pool) or larger patches."
            )
        return super().forward(features)


def make_even(features: Features) -> Features:
    """Add background at the far ends until every side is even: a halving that would drop a voxel keeps it."""
    right, anterior, superior = (side % 2 for side in features.shape[2:])
    if not (right or anterior or superior):
        return features
    return nn.functional.pad(features, (0, superior, 0, anterior, 0, right))


def join(risen: Features, skip: Features) -> Features:
    """Lay an up-sampled map beside a finer one; what doubling a rounded-up side made too long is cut off."""
    return torch.cat([cut_to(risen, skip.shape[2:]), skip], dim=1)


def cut_to(features: Features, shape: Sequence[int]) -> Features:
    """Cut off what stands beyond a field of view at the far ends: undoes the rounding up of `make_even`."""
    right, anterior, superior = shape
    return features[:, :, :right, :anterior, :superior]


def initialise_convolutions(module: nn.Module) -> None:
    """Draw a convolution's weights for layers of ReLU (He et al. 2015); for `Module.apply`."""
    if isinstance(module, nn.Conv3d):
        nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
        if module.bias is not None:
            nn.init.zeros_(module.bias)
