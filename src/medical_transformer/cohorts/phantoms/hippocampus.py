"""The hippocampi: where they are in template space, and how they shrink."""

import numpy as np

from medical_transformer.cohorts.phantoms.sampling import Points, Samples, smooth_step

# Centre (right side), direction from tail to head, and half lengths: along, upwards, sideways; in mm.
CENTRE_MM = (26.0, -21.0, -14.0)
LONG_AXIS = (-0.17, 0.90, -0.40)
HALF_LENGTHS_MM = (22.0, 8.5, 9.5)
EDGE = 0.25


def hippocampal_level(points_mm: Points, side: int) -> Samples:
    """Return the distance from the centre of a hippocampus in units of its half lengths: below 1 inside.

    Args:
        points_mm: template positions.
        side: -1 for the left, 1 for the right.
    """
    along = np.array(LONG_AXIS) / np.linalg.norm(LONG_AXIS)
    upwards = np.array([0.0, 0.0, 1.0]) - along[2] * along
    upwards /= np.linalg.norm(upwards)
    frame = [along, upwards, np.cross(along, upwards)]
    offset = [points_mm[0] * side - CENTRE_MM[0], points_mm[1] - CENTRE_MM[1], points_mm[2] - CENTRE_MM[2]]
    squares = np.zeros(points_mm.shape[1], dtype=np.float32)
    for direction, half in zip(frame, HALF_LENGTHS_MM, strict=True):
        squares += (sum(np.float32(direction[axis] / half) * offset[axis] for axis in range(3))) ** 2
    level: Samples = np.sqrt(squares)
    return level


def shrink_hippocampi(
    points_mm: Points, csf: Samples, grey: Samples, left_over: tuple[float, float]
) -> tuple[Samples, Samples]:
    """Turn the outer shell of each hippocampus into CSF; return CSF and grey.

    Args:
        points_mm: template positions.
        csf: share of CSF.
        grey: share of grey matter.
        left_over: share of the left and of the right ellipsoid's volume that stays.
    """
    csf, grey = csf.copy(), grey.copy()
    for side, share in zip((-1, 1), left_over, strict=True):
        level = hippocampal_level(points_mm, side)
        near = np.flatnonzero(level < 1 + EDGE)
        lost = smooth_step(level[near], share ** (1 / 3), EDGE) - smooth_step(level[near], 1.0, EDGE)
        gone = grey[near] * np.maximum(lost, 0.0)
        grey[near] -= gone
        csf[near] += gone
    return csf, grey
