"""Relative patch location in 3-D: where does a patch lie, seen from the central one?

Taleb et al., "3D Self-Supervised Methods for Medical Imaging", with the constants of the authors' public code:
a grid of 3x3x3 cells, a random patch of 39/42 of each side, and one of 26 neighbours.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Int
from torch import Tensor

from medical_transformer.contracts import Backbone
from medical_transformer.pretraining.patches import Corners, PatchGrid, crop_patches, plan_grid
from medical_transformer.pretraining.recognition import Answers, Question, Recognition
from medical_transformer.shapes import VolumeBatch

PER_SIDE = 3
CENTRE = 13
NEIGHBOURS = 26
PATCH_SHARE = 39 / 42


@dataclass(frozen=True, slots=True, eq=False)
class PatchPairs:
    """The central patch and a neighbour of every scan.

    Attributes:
        neighbours: number of the neighbour, 0 to 25.
        offsets: where in its cell the central patch lies, and the neighbour.
    """

    neighbours: Int[Tensor, "batch"]
    offsets: Corners

    @property
    def cells(self) -> Int[Tensor, "batch pair"]:
        """Numbers of the two cells, of 27."""
        return torch.stack([torch.full_like(self.neighbours, CENTRE), cell_of(self.neighbours)], dim=1)


def cell_of(neighbours: Answers) -> Answers:
    """Return the cell of each neighbour; the central cell is none."""
    return neighbours + (neighbours >= CENTRE)


def draw_pairs(scans: int, grid: PatchGrid, generator: torch.Generator) -> PatchPairs:
    """Draw a neighbour for every scan and where both patches lie in their cells."""
    neighbours = torch.randint(NEIGHBOURS, (scans,), generator=generator)
    return PatchPairs(neighbours, grid.draw_offsets(scans, 2, generator))


class PatchLocation(Recognition):
    """Recognise which of 26 neighbours the second patch is.

    Validation draws neighbours and patches too, as the authors' code does, but the same in every epoch.

    Args:
        backbone: encodes each patch by itself.
        share: of a cell's side that the patch takes.
    """

    def __init__(self, backbone: Backbone, *, share: float = PATCH_SHARE) -> None:
        super().__init__(backbone, parts=2, classes=NEIGHBOURS)
        self.share = share

    def ask(self, volumes: VolumeBatch, generator: torch.Generator) -> Question:
        """Cut the central patch and a neighbour from every scan."""
        grid = plan_grid(volumes.shape[2:], PER_SIDE, self.share)
        pairs = draw_pairs(len(volumes), grid, generator)
        parts = crop_patches(volumes, grid.corners()[pairs.cells] + pairs.offsets, grid.patch)
        return Question(parts, pairs.neighbours.to(volumes.device))
