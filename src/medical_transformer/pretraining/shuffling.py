"""Local shuffling of Models Genesis: the voxels of many small windows change places.

As published, for a cube of 64x64x32: 10,000 windows of at most 6x6x3 voxels, everywhere with equal probability; each
takes its voxels from the original, and where windows overlap the later one wins. Other volumes have windows of the
same sizes and as many of them per voxel. All windows are computed at once.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

WINDOWS, CUBE, LARGEST = 10_000, (64, 64, 32), (6, 6, 3)

OneVolume = Float[Tensor, "channel right anterior superior"]


@dataclass(frozen=True, slots=True, eq=False)
class Windows:
    """The windows of one scan, in the order in which they are written.

    Attributes:
        corners: first voxel of each.
        sides: voxels of each along each axis.
        seed: of the order of the voxels inside the windows.
    """

    corners: Int[Tensor, "window 3"]
    sides: Int[Tensor, "window 3"]
    seed: int


def draw_windows(shape: Sequence[int], generator: torch.Generator) -> Windows:
    """Draw the windows of a scan."""
    count = round(WINDOWS * math.prod(shape) / math.prod(CUBE))
    largest = torch.tensor([min(side, most) for side, most in zip(shape, LARGEST, strict=True)])
    sides = 1 + (torch.rand((count, 3), generator=generator) * largest).to(torch.int64)
    room = torch.tensor(list(shape)) - sides + 1
    corners = (torch.rand((count, 3), generator=generator) * room).to(torch.int64)
    return Windows(corners, sides, draw_seed(generator))


def draw_seed(generator: torch.Generator) -> int:
    """Draw the seed of something that is too large to be kept with the draw."""
    return int(torch.randint(2**62, (), generator=generator))


def shuffle(volume: OneVolume, windows: Windows) -> OneVolume:
    """Shuffle the voxels inside each window; all channels alike."""
    origin = origins(volume.shape[1:], windows, volume.device)
    return volume.flatten(1)[:, origin].view_as(volume)


def origins(shape: Sequence[int], windows: Windows, device: torch.device | str = "cpu") -> Int[Tensor, "voxel"]:
    """Return which voxel of the original comes to each voxel.

    The voxels of all windows stand in one row. A sort by window and then by chance shuffles every window by itself;
    of several windows that cover a voxel, that with the largest place in the row is the last.
    """
    targets, owners = _covered(shape, windows, device)
    chance = torch.rand(len(targets), generator=torch.Generator().manual_seed(windows.seed), dtype=torch.float64)
    shuffled = targets[(owners + chance.to(device) / 2).argsort()]
    row = torch.arange(1, len(targets) + 1, device=device)
    last = torch.zeros(math.prod(shape), dtype=torch.int64, device=device).scatter_reduce_(0, targets, row, "amax")
    return torch.where(last > 0, shuffled[(last - 1).clamp_min(0)], torch.arange(len(last), device=device))


def _covered(
    shape: Sequence[int], windows: Windows, device: torch.device | str
) -> tuple[Int[Tensor, "entry"], Int[Tensor, "entry"]]:
    """Return every voxel of every window, and the window it belongs to."""
    steps = torch.cartesian_prod(*(torch.arange(side) for side in LARGEST))
    stride = torch.tensor([shape[1] * shape[2], shape[2], 1])
    corners, offsets = ((places @ stride).to(device, torch.int32) for places in (windows.corners, steps))
    sides, steps = (counts.to(device, torch.int8) for counts in (windows.sides, steps))
    inside = torch.ones(len(sides), len(steps), dtype=torch.bool, device=device)
    for axis in range(3):
        inside &= steps[None, :, axis] < sides[:, None, axis]
    owners = torch.arange(len(sides), device=device).repeat_interleave(inside.sum(dim=1))
    return (corners[:, None] + offsets)[inside].to(torch.int64), owners
