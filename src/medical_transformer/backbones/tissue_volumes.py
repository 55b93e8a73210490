"""How much CSF, grey and white matter lies where: what morphometry knew before networks, as a backbone without weights.

The vector of a scan holds the share of each tissue in each cube of the field of view. The scans lie in the template's
space, so that a cube is the same region in everybody. With the linear head that follows every backbone this is a
regression on regional volumes, the classical baseline of brain age.
"""

import math
from typing import Annotated, Literal

import torch
from pydantic import BaseModel, ConfigDict, Field

from medical_transformer.contracts import Backbone, Encoding
from medical_transformer.errors import ConfigError
from medical_transformer.preprocessing.tissues import TISSUES, tissue_shares
from medical_transformer.shapes import VolumeBatch


class TissueVolumesConfig(BaseModel):
    """Its settings."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    in_channels: Annotated[Literal[1], Field(description="One T1 scan.")] = 1
    shape: Annotated[tuple[int, int, int], Field(description="Voxels of a prepared scan on each axis.")] = (96, 114, 96)
    cube: Annotated[int, Field(ge=1, le=64, description="Side of a cube in voxels; 6 are 12 mm at 2 mm.")] = 6


class TissueVolumes(Backbone):
    """Shares of tissues in cubes; there is nothing to learn in it, and it has no maps to segment with."""

    def __init__(self, config: TissueVolumesConfig | None = None) -> None:
        super().__init__()
        self.config = config or TissueVolumesConfig()
        self.in_channels = self.config.in_channels
        cubes = math.prod(-(-side // self.config.cube) for side in self.config.shape)
        self.feature_size = len(TISSUES) * cubes
        self.map_channels = ()

    def forward(self, volumes: VolumeBatch, *, maps: bool = False) -> Encoding:
        """Measure every scan.

        Raises:
            ConfigError: if the scans have another shape than the backbone was set up for.
        """
        shape = tuple(volumes.shape[2:])
        if shape != self.config.shape:
            raise ConfigError(
                f"tissue-volumes is set up for scans of {self.config.shape}, but these have {shape}; "
                f"give the backbone the setting `shape: {list(shape)}`."
            )
        measured = [tissue_shares(volume[0].float().cpu().numpy(), self.config.cube) for volume in volumes]
        return Encoding(torch.stack([torch.from_numpy(one) for one in measured]).to(volumes), ())
