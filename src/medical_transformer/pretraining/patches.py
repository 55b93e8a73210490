"""Cutting volumes into a grid of cells, and patches out of the cells.

The published tasks cut cubes of 128 voxels. Here the cells are cut from the volume itself, so that nothing is
resampled and nothing is cut off but a remainder of less than one voxel per cell; at 128 voxels both agree.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from medical_transformer.errors import ConfigError
from medical_transformer.shapes import VolumeBatch

Corners = Int[Tensor, "batch patch axis"]
Patches = Float[Tensor, "batch patch channel _right _anterior _superior"]
Cubes = Float[Tensor, "batch channel _side _side _side"]
Size = tuple[int, int, int]

SMALLEST_PATCH = 3


@dataclass(frozen=True, slots=True)
class PatchGrid:
    """A grid of equal cells in the middle of a volume, and the size of the patch that is cut from each.

    Cells are numbered with the last axis fastest.

    Attributes:
        per_side: cells along each axis.
        start: first voxel of the first cell.
        cell: voxels of a cell.
        patch: voxels of a patch, at most those of a cell.
    """

    per_side: int
    start: Size
    cell: Size
    patch: Size

    @property
    def jitter(self) -> Size:
        """How far a patch can move inside its cell, in voxels."""
        return _size(cell - patch for cell, patch in zip(self.cell, self.patch, strict=True))

    def corners(self) -> Int[Tensor, "patch axis"]:
        """Return the first voxel of every cell."""
        steps = torch.arange(self.per_side)
        cells = torch.cartesian_prod(steps, steps, steps)
        return torch.tensor(self.start) + cells * torch.tensor(self.cell)

    def draw_offsets(self, scans: int, patches: int, generator: torch.Generator) -> Corners:
        """Draw where in its cell each patch lies; every place is equally likely."""
        uniform = torch.rand((scans, patches, 3), generator=generator)
        return (uniform * (torch.tensor(self.jitter) + 1)).to(torch.int64)

    def central_offsets(self, scans: int, patches: int) -> Corners:
        """Put each patch into the middle of its cell."""
        return (torch.tensor(self.jitter) // 2).expand(scans, patches, 3)


def plan_grid(shape: Sequence[int], per_side: int, share: float) -> PatchGrid:
    """Divide a volume into cells.

    Args:
        shape: of the volume.
        per_side: cells along each axis.
        share: of a cell's side that the patch takes, 39/42 in the published tasks; at least one voxel less than
            the cell unless the share is 1.

    Raises:
        ConfigError: if the volume is too small.
    """
    cell = _size(side // per_side for side in shape)
    patch = _size(min(round(side * share), side - (share < 1)) for side in cell)
    if min(patch) < SMALLEST_PATCH:
        raise ConfigError(
            f"A volume of {'x'.join(map(str, shape))} voxels has patches of {'x'.join(map(str, patch))} in a grid of "
            f"{per_side} cells per side, and at least {SMALLEST_PATCH} voxels are needed; pool less."
        )
    start = _size((side - per_side * edge) // 2 for side, edge in zip(shape, cell, strict=True))
    return PatchGrid(per_side, start, cell, patch)


def crop_patches(volumes: VolumeBatch, corners: Corners, size: Size) -> Patches:
    """Cut patches of one size, the same number from every volume.

    Args:
        volumes: to cut from.
        corners: first voxel of every patch.
        size: voxels of a patch.
    """
    corners = corners.to(volumes.device)
    right, anterior, superior = (
        corners[..., axis, None] + torch.arange(side, device=volumes.device) for axis, side in enumerate(size)
    )
    scan = torch.arange(len(volumes), device=volumes.device)[:, None, None, None, None]
    cut = volumes.movedim(1, -1)[
        scan, right[:, :, :, None, None], anterior[:, :, None, :, None], superior[:, :, None, None, :]
    ]
    return cut.movedim(-1, 2)


def centre_in_cube(volumes: VolumeBatch, side: int | None = None) -> Cubes:
    """Bring volumes to a cube around their middle: shorter axes are padded with background, longer ones cropped.

    Args:
        volumes: of any shape.
        side: of the cube; the longest axis where it is not given, so that nothing is cut off.
    """
    side = side or max(volumes.shape[2:])
    return centre(volumes, (side, side, side))


def centre(volumes: Float[Tensor, "*batch _r _a _s"], size: Size) -> Float[Tensor, "*batch r a s"]:
    """Bring volumes to a size around their middle, with background or by cropping."""
    missing = [wanted - have for wanted, have in zip(size, volumes.shape[-3:], strict=True)]
    before = [int(gap / 2) for gap in missing]  # towards 0, so that cropping undoes padding
    padding = [edge for gap, first in zip(missing, before, strict=True) for edge in (gap - first, first)]
    return torch.nn.functional.pad(volumes, padding[::-1])


def _size(values: Iterable[int]) -> Size:
    right, anterior, superior = values
    return (right, anterior, superior)
