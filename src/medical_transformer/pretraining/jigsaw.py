"""Jigsaw in 3-D: by which of 100 fixed permutations were the 27 patches of a scan shuffled?

Taleb et al., "3D Self-Supervised Methods for Medical Imaging". The authors' public code draws its 100 permutations
at random; their paper speaks of permutations that lie far apart. Both are here, the first by default.
"""

from pathlib import Path
from typing import Literal

import torch
from jaxtyping import Int, UInt8
from torch import Tensor

from medical_transformer.cohorts.tables import write_table
from medical_transformer.contracts import Backbone
from medical_transformer.errors import TrainingError
from medical_transformer.pretraining.patch_location import PATCH_SHARE, PER_SIDE
from medical_transformer.pretraining.patches import crop_patches, plan_grid
from medical_transformer.pretraining.recognition import Answers, Question, Recognition
from medical_transformer.shapes import VolumeBatch

PIECES = PER_SIDE**3
CANDIDATES = 1000

Permutations = Int[Tensor, "permutation piece"]


def draw_permutations(
    count: int, generator: torch.Generator, *, choice: Literal["random", "distant"] = "random"
) -> Permutations:
    """Draw distinct permutations of the 27 pieces, none of which leaves all in place.

    Args:
        count: how many.
        generator: the randomness.
        choice: `random` as in the authors' code, or `distant`: each next one is that of 1000 random ones whose
            least Hamming distance to those already chosen is largest.
    """
    chosen = torch.arange(PIECES)[None]  # the identity; it is left out at the end
    while len(chosen) <= count:
        found = _shuffles(1 if choice == "random" else CANDIDATES, generator)
        distance = _distances(found, chosen).amin(dim=1)
        best = distance.argmax()
        if distance[best] > 0:
            chosen = torch.cat([chosen, found[best, None]])
    return chosen[1:]


def _distances(found: Int[Tensor, "found piece"], chosen: Permutations) -> UInt8[Tensor, "found permutation"]:
    """Count the pieces that lie elsewhere; piece by piece and in bytes, which takes a third of the time."""
    ours, theirs = (one.to(torch.uint8).T for one in (found, chosen))
    elsewhere = torch.zeros(len(found), len(chosen), dtype=torch.uint8)
    for own, other in zip(ours, theirs, strict=True):
        elsewhere += own[:, None] != other[None]
    return elsewhere


def _shuffles(count: int, generator: torch.Generator) -> Permutations:
    return torch.rand((count, PIECES), generator=generator).argsort(dim=1)


def save_permutations(permutations: Permutations, path: Path) -> None:
    """Write a table: a row per permutation, the cell that comes to each place."""
    columns = ("permutation", *(f"place_{place}" for place in range(permutations.shape[1])))
    write_table(path, columns, ([number, *row] for number, row in enumerate(permutations.tolist())))


def load_permutations(path: Path) -> Permutations:
    """Read what `save_permutations` wrote.

    Raises:
        TrainingError: if the file is damaged: a row is no permutation, or two are alike.
    """
    try:
        rows = [[int(cell) for cell in line.split("\t")[1:]] for line in path.read_text("utf-8").splitlines()[1:]]
    except ValueError as error:
        raise TrainingError(f"{path}: not a table of permutations ({error}); delete it to start again.") from error
    whole = all(sorted(row) == list(range(PIECES)) for row in rows)
    if not rows or not whole or len({tuple(row) for row in rows}) < len(rows):
        raise TrainingError(f"{path}: some rows are no permutations of {PIECES} pieces, or alike; delete it.")
    return torch.tensor(rows)


class Jigsaw(Recognition):
    """Recognise the permutation of the 27 patches of a scan.

    Patches lie anywhere in their cells in training and in the middle of them in validation, as in the authors'
    code. The patch at place p of the shuffled row is that of cell `permutations[class, p]`.

    Args:
        backbone: encodes each patch by itself.
        permutations: the fixed ones.
        share: of a cell's side that the patch takes.
    """

    permutations: Tensor

    def __init__(self, backbone: Backbone, permutations: Permutations, *, share: float = PATCH_SHARE) -> None:
        super().__init__(backbone, parts=PIECES, classes=len(permutations))
        self.register_buffer("permutations", permutations)
        self.share = share

    def ask(self, volumes: VolumeBatch, generator: torch.Generator) -> Question:
        """Cut every scan into patches and shuffle them."""
        scans, grid = len(volumes), plan_grid(volumes.shape[2:], PER_SIDE, self.share)
        classes: Answers = torch.randint(len(self.permutations), (scans,), generator=generator)
        random = grid.draw_offsets(scans, PIECES, generator)
        offsets = random if self.training else grid.central_offsets(scans, PIECES)
        order = self.permutations.cpu()[classes]
        corners = (grid.corners() + offsets).gather(1, order[..., None].expand(-1, -1, 3))
        return Question(crop_patches(volumes, corners, grid.patch), classes.to(volumes.device))
