"""The published augmentation of the 3-D exemplar: flips, turns about three axes, brightness, contrast and zoom.

The rates are those of the public code of Taleb et al. All that moves voxels is one affine map in voxels, so that an
angle stays an angle where axes have unequal lengths, and a scan is interpolated once. The draw is one thing, applying
it another.
"""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn import functional

from medical_transformer.shapes import VolumeBatch

PLANES = ((0, 1), (1, 2), (0, 2))
FLIP, TURN, QUARTER, COLOUR, ZOOM = 0.5, 0.5, 0.5, 0.5, 0.15
BRIGHTNESS, CONTRAST, SCALE = 0.125, (0.5, 1.5), (0.8, 1.2)


@dataclass(frozen=True, slots=True, eq=False)
class Turns:
    """One augmentation per scan.

    Attributes:
        flipped: whether each axis is mirrored.
        angles: turn in each of `PLANES`, in radians.
        brightness: added to the intensities.
        contrast: factor on the distance from the scan's mean.
        zoom: factor on each axis.
        place: where the field of view is cut from an enlarged scan, along each axis, -1 to 1.
    """

    flipped: Bool[Tensor, "batch 3"]
    angles: Float[Tensor, "batch 3"]
    brightness: Float[Tensor, "batch"]
    contrast: Float[Tensor, "batch"]
    zoom: Float[Tensor, "batch 3"]
    place: Float[Tensor, "batch 3"]


def draw_turns(scans: int, generator: torch.Generator) -> Turns:
    """Draw one augmentation for every scan, at the published rates."""

    def uniform(*shape: int, low: float = 0.0, high: float = 1.0) -> Tensor:
        return low + (high - low) * torch.rand((scans, *shape), generator=generator)

    quarters: Int[Tensor, "batch 3"] = torch.randint(4, (scans, 3), generator=generator)
    free = uniform(3, high=2 * math.pi)
    turned, by_quarters = uniform(3) < TURN, uniform(3) < QUARTER
    angles = torch.where(by_quarters, quarters * (math.pi / 2), free) * turned
    coloured, zoomed = uniform() < COLOUR, uniform(1) < ZOOM
    brightness, contrast = uniform(low=-BRIGHTNESS, high=BRIGHTNESS), uniform(low=CONTRAST[0], high=CONTRAST[1])
    zoom = torch.where(zoomed, uniform(3, low=SCALE[0], high=SCALE[1]), torch.ones(()))
    return Turns(
        flipped=uniform(3) < FLIP,
        angles=angles,
        brightness=brightness * coloured,
        contrast=torch.where(coloured, contrast, torch.ones(())),
        zoom=zoom,
        place=uniform(3, low=-1.0),
    )


def apply_turns(volumes: VolumeBatch, turns: Turns) -> VolumeBatch:
    """Augment scans; what comes from outside the field of view is background, and intensities stay in [0, 1]."""
    moved = functional.grid_sample(volumes, _places(volumes, turns), mode="bilinear", align_corners=False)
    brightness, contrast = (
        number.to(volumes)[:, None, None, None, None] for number in (turns.brightness, turns.contrast)
    )
    lit = moved + brightness
    mean = lit.mean(dim=(1, 2, 3, 4), keepdim=True)
    return (mean + contrast * (lit - mean)).clamp(0, 1)


def _places(volumes: Tensor, turns: Turns) -> Tensor:
    """Return where every voxel comes from, as `grid_sample` counts: -1 to 1, last axis first."""
    sides = torch.tensor(volumes.shape[2:], dtype=torch.float32)
    turn = torch.diag_embed(torch.where(turns.flipped, -1.0, 1.0))
    for number, plane in enumerate(PLANES):
        turn = turn @ _rotation(turns.angles[:, number], plane)
    pull = turn / turns.zoom[:, None, :]  # undo the zoom first, then the turns, then the flips
    room = (turns.zoom - 1).clamp_min(0) * sides / 2
    shift = (pull @ (room * turns.place)[..., None])[..., 0]
    # From voxels to parts of the half field of view: (from -> to) is scaled by the axis it comes from and goes to.
    matrix = pull * (sides[None, None, :] / sides[None, :, None])
    theta = torch.cat([matrix, (2 * shift / sides)[..., None]], dim=2)
    reversed_axes = torch.cat([theta[:, :, :3].flip(1, 2), theta[:, :, 3:].flip(1)], dim=2)
    return functional.affine_grid(reversed_axes.to(volumes), list(volumes.shape), align_corners=False)


def _rotation(angle: Float[Tensor, "batch"], plane: tuple[int, int]) -> Float[Tensor, "batch 3 3"]:
    first, second = plane
    matrix = torch.eye(3).repeat(len(angle), 1, 1)
    matrix[:, first, first] = matrix[:, second, second] = torch.cos(angle)
    matrix[:, first, second] = -torch.sin(angle)
    matrix[:, second, first] = torch.sin(angle)
    return matrix
