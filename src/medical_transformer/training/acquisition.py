"""Scans as another scanner would have taken them: the draw is one thing, applying it another.

A brain keeps its place and its shape, so that what is measured of it should stay the same.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from medical_transformer.shapes import VolumeBatch

# Twice as much made the age that tissue volumes tell hardly steadier, and less exact where nothing was changed
# (docs/experiments.md).
WIDEST_BLUR = 0.5  # standard deviation in voxels
SHADING = 0.03  # standard deviation, as a share of the intensity at either end of an axis
CONTRAST = 0.1  # standard deviation of the logarithm of the exponent on the intensities
MOST_NOISE = 0.02  # standard deviation, as a share of the intensity range


@dataclass(frozen=True, slots=True, eq=False)
class Acquisition:
    """One acquisition per scan.

    Attributes:
        blur: standard deviation of the point spread, in voxels.
        shading: what is added at the far end of each axis, and taken away at the near one, as a share.
        exponent: on the intensities, which keeps 0 and 1.
        noise: standard deviation of what is added to every voxel of the brain.
        grain: seed of the noise.
    """

    blur: Float[Tensor, "batch"]
    shading: Float[Tensor, "batch 3"]
    exponent: Float[Tensor, "batch"]
    noise: Float[Tensor, "batch"]
    grain: int


def draw_acquisition(scans: int, draws: torch.Generator) -> Acquisition:
    """Draw sharpness, shading, contrast and noise for every scan."""
    blur, noise = torch.rand((2, scans), generator=draws)
    return Acquisition(
        blur=blur * WIDEST_BLUR,
        shading=torch.randn((scans, 3), generator=draws) * SHADING,
        exponent=torch.exp(torch.randn(scans, generator=draws) * CONTRAST),
        noise=noise * MOST_NOISE,
        grain=int(torch.randint(2**31, (1,), generator=draws)),
    )


def acquire(volumes: VolumeBatch, acquisition: Acquisition) -> VolumeBatch:
    """Apply an acquisition to scans with intensities from 0 to 1; what is 0, around the brain, stays 0."""
    brain = volumes > 0
    shaded = _blurred(volumes, acquisition.blur) * _field(volumes, acquisition.shading)
    contrasted = shaded.clamp(0, 1) ** _per_scan(acquisition.exponent, volumes)
    grain = torch.randn(volumes.shape, generator=torch.Generator().manual_seed(acquisition.grain)).to(volumes)
    return (contrasted + grain * _per_scan(acquisition.noise, volumes)).clamp(0, 1) * brain


def _blurred(volumes: VolumeBatch, blur: Float[Tensor, "batch"]) -> VolumeBatch:
    """Blur every scan along each axis; five voxels hold all of the widest point spread but a thousandth."""
    offsets = torch.arange(-2.0, 3.0)
    spread = torch.exp(-0.5 * (offsets / blur[:, None].clamp(min=1e-3)) ** 2)
    weights = (spread / spread.sum(dim=1, keepdim=True)).to(volumes)
    scans, channels = volumes.shape[:2]
    images, taps = volumes.flatten(0, 1)[None], weights.repeat_interleave(channels, dim=0)[:, None]
    for axis in range(3):
        shape = [1, 1, 1]
        shape[axis] = len(offsets)
        padding = [side // 2 for side in shape]
        images = functional.conv3d(images, taps.view(-1, 1, *shape), padding=padding, groups=scans * channels)
    return images.view_as(volumes)


def _field(volumes: VolumeBatch, shading: Float[Tensor, "batch 3"]) -> Tensor:
    """Return what every voxel is multiplied by: a plane through 1 at the centre."""
    field = torch.ones_like(volumes[:, :1])
    for axis, side in enumerate(volumes.shape[2:]):
        shape = [1, 1, 1, 1, 1]
        shape[2 + axis] = side
        field = field + torch.linspace(-1, 1, side).view(shape).to(volumes) * _per_scan(shading[:, axis], volumes)
    return field


def _per_scan(values: Float[Tensor, "batch"], volumes: VolumeBatch) -> Tensor:
    return values.to(volumes)[:, None, None, None, None]
