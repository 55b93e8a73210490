"""In- and out-painting of Models Genesis: noise in a few blocks, or everywhere but in a few windows.

As published: up to five blocks, each after the last with probability 0.95. In-painting starts with none, and a
block's side is 1/6 to 1/3 of the axis; out-painting starts with one window, of 3/7 to 4/7. Blocks stay three voxels
away from the rim.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from medical_transformer.errors import ConfigError
from medical_transformer.pretraining.shuffling import OneVolume, draw_seed

MOST_BLOCKS, ANOTHER, RIM = 5, 0.95, 3
SMALLEST_SIDE = 14  # below it, no window of out-painting stays away from the rim

Block = tuple[slice, slice, slice]


@dataclass(frozen=True, slots=True)
class Painting:
    """What is painted on one scan.

    Attributes:
        outside: whether the noise is outside the blocks.
        blocks: voxels along each axis.
        seed: of the noise.
    """

    outside: bool
    blocks: tuple[Block, ...]
    seed: int


def draw_painting(shape: Sequence[int], generator: torch.Generator, *, outside: bool) -> Painting:
    """Draw the blocks of a scan.

    Raises:
        ConfigError: if a volume of this shape is too small.
    """
    if min(shape) < SMALLEST_SIDE:
        raise ConfigError(
            f"Restoration paints on volumes of {SMALLEST_SIDE} voxels or more per side, and this one has "
            f"{'x'.join(map(str, shape))}; pool less."
        )
    draws = torch.rand((MOST_BLOCKS, 7), generator=generator, dtype=torch.float64).tolist()
    blocks: list[Block] = []
    for another, *places in draws:
        if another >= ANOTHER and not (outside and not blocks):
            break
        blocks.append(_block(shape, places, outside=outside))
    return Painting(outside, tuple(blocks), draw_seed(generator))


def paint(volume: OneVolume, painting: Painting) -> OneVolume:
    """Put noise from 0 to 1 inside or outside the blocks."""
    noise = _noise(volume, painting.seed)
    painted, source = (noise, volume) if painting.outside else (volume.clone(), noise)
    for block in painting.blocks:
        painted[:, *block] = source[:, *block]
    return painted


def _block(shape: Sequence[int], draws: Sequence[float], *, outside: bool) -> Block:
    """Make a block of six numbers from 0 to 1: three sides, three places."""
    sides = [
        whole - _between(3 * whole // 7, 4 * whole // 7, draw) if outside else _between(whole // 6, whole // 3, draw)
        for whole, draw in zip(shape, draws[:3], strict=True)
    ]
    starts = [
        _between(RIM, whole - side - RIM, draw) for whole, side, draw in zip(shape, sides, draws[3:], strict=True)
    ]
    right, anterior, superior = (slice(start, start + side) for start, side in zip(starts, sides, strict=True))
    return (right, anterior, superior)


def _between(least: int, most: int, draw: float) -> int:
    """Make a whole number of one from 0 to 1; both ends are as likely as all others."""
    return least + int(draw * (most - least + 1))


def _noise(like: Tensor, seed: int) -> Float[Tensor, "..."]:
    return torch.rand(like.shape, generator=torch.Generator().manual_seed(seed)).to(like)
