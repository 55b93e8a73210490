"""The patches of predictive coding: a grid of 4x4x4 cells, a patch of each, ten of context and two that follow.

The constants are those of the public code of Taleb et al., for a cube of 128 voxels: a random crop of 121 is put back
into the middle of 128, cells are 32 voxels wide, and of each a random patch of 28, mirrored or not, is put back into
the middle of 32. Here they are shares of each axis, so that unequal axes work.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Int
from torch import Tensor

from medical_transformer.pretraining.patches import Corners, Patches, PatchGrid, centre, crop_patches, plan_grid
from medical_transformer.shapes import VolumeBatch

PER_SIDE = 4
CELLS = PER_SIDE**3
COLUMNS = PER_SIDE**2
CROP_SHARE = 0.95
PATCH_SHARE = 28 / 32
FLIP = 0.5


@dataclass(frozen=True, slots=True, eq=False)
class CellDraw:
    """What is cut from every scan.

    Attributes:
        grid: cells and patches.
        crop: voxels of the crop of the whole scan.
        corner: first voxel of that crop.
        mirrored: whether each cell's patch is mirrored along the first axis.
        offsets: where in its cell each patch lies.
    """

    grid: PatchGrid
    crop: tuple[int, int, int]
    corner: Int[Tensor, "batch 1 axis"]
    mirrored: Bool[Tensor, "batch patch"]
    offsets: Corners


def draw_cells(scans: int, shape: Sequence[int], generator: torch.Generator) -> CellDraw:
    """Draw a crop of every scan and a patch of each of its 64 cells.

    Raises:
        ConfigError: if a volume of this shape is too small.
    """
    grid = plan_grid(shape, PER_SIDE, PATCH_SHARE)
    right, anterior, superior = (int(CROP_SHARE * side) for side in shape)
    room = torch.tensor([side - int(CROP_SHARE * side) + 1 for side in shape])
    corner = (torch.rand((scans, 1, 3), generator=generator) * room).to(torch.int64)
    mirrored = torch.rand((scans, CELLS), generator=generator) < FLIP
    return CellDraw(grid, (right, anterior, superior), corner, mirrored, grid.draw_offsets(scans, CELLS, generator))


def cut_cells(volumes: VolumeBatch, draw: CellDraw) -> Patches:
    """Cut what was drawn: 64 patches of every scan, each in the middle of its cell with background around it."""
    cropped = crop_patches(volumes, draw.corner, draw.crop)[:, 0]
    moved = centre(cropped, (volumes.shape[2], volumes.shape[3], volumes.shape[4]))
    patches = crop_patches(moved, draw.grid.corners() + draw.offsets, draw.grid.patch)
    mirrored = draw.mirrored.to(volumes.device)[..., None, None, None, None]
    return centre(torch.where(mirrored, patches.flip(3), patches), draw.grid.cell)


def _cell(right: int, anterior: int, superior: int) -> int:
    """Number of a cell; outside the grid it is mirrored at the outermost cells."""
    last = PER_SIDE - 1
    right, anterior, superior = (last - abs(last - abs(place)) for place in (right, anterior, superior))
    return (right * PER_SIDE + anterior) * PER_SIDE + superior


def _context(anterior: int, superior: int) -> list[int]:
    """Nine cells of the first layer around a column, then the one cell of the second layer."""
    around = [_cell(0, anterior + da, superior + ds) for da in (-1, 0, 1) for ds in (-1, 0, 1)]
    return [*around, _cell(1, anterior, superior)]


# Per column (anterior, superior): the ten cells that are seen, and the two that follow.
_PLACES = [(anterior, superior) for anterior in range(PER_SIDE) for superior in range(PER_SIDE)]
CONTEXT: Int[Tensor, "column seen"] = torch.tensor([_context(*place) for place in _PLACES])
FUTURE: Int[Tensor, "column future"] = torch.tensor([[_cell(layer, *place) for layer in (2, 3)] for place in _PLACES])
