"""Varying training scans: the draw is one thing, applying it another, so that every variation can be replayed."""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional

from medical_transformer.shapes import LabelMap, VolumeBatch

MAX_ROTATION_DEGREES = 8.0
MAX_ZOOM = 0.06
MAX_SHIFT = 0.02  # of the field of view
MAX_GAMMA = 0.25  # of the logarithm


@dataclass(frozen=True, slots=True, eq=False)
class Variation:
    """One variation per scan.

    Attributes:
        mirrored: whether left and right are exchanged.
        pull: affine from the varied scan's places to the original's, in voxels from the centre along superior,
            anterior and right; its last column is a share of the field of view along each.
        gamma: exponent on the intensities, which keeps 0 and 1.
    """

    mirrored: Bool[Tensor, "batch"]
    pull: Float[Tensor, "batch 3 4"]
    gamma: Float[Tensor, "batch"]


def draw_variation(scans: int, draws: torch.Generator, *, mirror: bool = True) -> Variation:
    """Draw a mirror image, a small rotation, zoom and shift, and a change of contrast for every scan.

    Args:
        scans: how many.
        draws: the randomness.
        mirror: whether left and right may be exchanged; not where labels tell left from right.
    """
    uniform = torch.rand((scans, 11), generator=draws) * 2 - 1
    angles = uniform[:, :3] * math.radians(MAX_ROTATION_DEGREES)
    zoom = 1 + uniform[:, 3:6] * MAX_ZOOM
    turn = _rotation(angles[:, 0], (0, 1)) @ _rotation(angles[:, 1], (0, 2)) @ _rotation(angles[:, 2], (1, 2))
    pull = torch.cat([turn * zoom[:, None, :], uniform[:, 6:9, None] * MAX_SHIFT], dim=2)
    return Variation((uniform[:, 9] > 0) & mirror, pull, torch.exp(uniform[:, 10] * MAX_GAMMA))


def vary(volumes: VolumeBatch, variation: Variation) -> VolumeBatch:
    """Apply a variation to scans; what comes from outside the field of view is 0."""
    moved = functional.grid_sample(volumes, _places(volumes, variation), mode="bilinear", align_corners=False)
    return moved.clamp_(0, 1) ** variation.gamma.to(volumes)[:, None, None, None, None]


def vary_labels(label_maps: LabelMap, variation: Variation) -> LabelMap:
    """Move label maps as `vary` moves their scans."""
    maps = label_maps[:, None].float()
    moved = functional.grid_sample(maps, _places(maps, variation), mode="nearest", align_corners=False)
    return moved[:, 0].to(label_maps.dtype)


def _places(volumes: Tensor, variation: Variation) -> Tensor:
    pull = variation.pull.clone()
    # Sampling wants coordinates from -1 to 1 on every axis, in which a rotation would shear unless all sides are equal.
    sides = torch.tensor(volumes.shape[:1:-1], dtype=pull.dtype)
    pull[:, :, :3] *= sides / sides[:, None]
    pull[:, :, 3] *= 2
    # The last of them belongs to the first spatial axis: left and right.
    pull[variation.mirrored, 2] *= -1
    return functional.affine_grid(pull.to(volumes), list(volumes.shape), align_corners=False)


def _rotation(angle: Float[Tensor, "batch"], plane: tuple[int, int]) -> Float[Tensor, "batch 3 3"]:
    first, second = plane
    matrix = torch.eye(3).repeat(len(angle), 1, 1)
    matrix[:, first, first] = matrix[:, second, second] = torch.cos(angle)
    matrix[:, first, second] = -torch.sin(angle)
    matrix[:, second, first] = torch.sin(angle)
    return matrix
