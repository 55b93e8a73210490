"""Rotation in 3-D: by which of ten quarter turns was a scan rotated?

Taleb et al., "3D Self-Supervised Methods for Medical Imaging"; the order of the classes is that of the authors'
public code: as it is, then 90, 180 and 270 degrees about each of the three axes.
"""

import torch
from torch import Tensor

from medical_transformer.contracts import Backbone
from medical_transformer.pretraining.patches import Cubes, centre_in_cube
from medical_transformer.pretraining.recognition import Answers, Question, Recognition
from medical_transformer.shapes import VolumeBatch

# The plane in which a class turns, as spatial axes, and its quarter turns from the first axis to the second.
ROTATIONS: tuple[tuple[tuple[int, int], int], ...] = (
    ((0, 1), 0),
    ((0, 1), 1), ((0, 1), 2), ((0, 1), 3),
    ((1, 2), 3), ((1, 2), 2), ((1, 2), 1),
    ((0, 2), 3), ((0, 2), 2), ((0, 2), 1),
)  # fmt: skip


def draw_rotations(scans: int, generator: torch.Generator) -> Answers:
    """Draw one of the ten classes for every scan."""
    return torch.randint(len(ROTATIONS), (scans,), generator=generator)


def rotate(cubes: Cubes, classes: Answers) -> Cubes:
    """Turn every cube by its class; no voxel is interpolated."""
    return torch.stack([_turn(cube, *ROTATIONS[number]) for cube, number in zip(cubes, classes.tolist(), strict=True)])


def _turn(cube: Tensor, plane: tuple[int, int], quarters: int) -> Tensor:
    return torch.rot90(cube, quarters, [axis - 3 for axis in plane])


class Rotation(Recognition):
    """Recognise how a scan was turned.

    A volume with unequal axes cannot be turned in place. It is brought to a cube first, by default of its longest
    axis, so that no voxel is lost; prepared scans are exactly 0 outside the brain, so the padding tells nothing.

    Args:
        backbone: encodes the whole cube.
        side: of the cube, in voxels.
    """

    def __init__(self, backbone: Backbone, *, side: int | None = None) -> None:
        super().__init__(backbone, parts=1, classes=len(ROTATIONS))
        self.side = side

    def ask(self, volumes: VolumeBatch, generator: torch.Generator) -> Question:
        """Turn every scan."""
        classes = draw_rotations(len(volumes), generator)
        cubes = rotate(centre_in_cube(volumes, self.side), classes)
        return Question(cubes[:, None], classes.to(volumes.device))
