"""The head around the brain, as two distances: from the cranium's inner wall and from the skin."""

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from jaxtyping import Bool, Float
from scipy import ndimage

from medical_transformer.cohorts.phantoms.sampling import Points, lattice, positions, sample
from medical_transformer.cohorts.phantoms.template import load_template
from medical_transformer.volumes import Volume

SPACING_MM = 2.5
HEAD_LATTICE = lattice((-106, -150, -162), (106, 134, 114), SPACING_MM)
# The cranium bridges sulci and fissures up to about twice this wide.
BRIDGE_MM = 14.0
# From the cranium's inner wall to the skin, over the vault.
VAULT_MM = 15.0

# Below the vault: centre and radii of ellipsoids, in mm of template space.
NOSE = ((0, 101, -58), (13, 19, 22))
BASE = ((0, -14, -52), (77, 84, 66))
FACE = ((0, 38, -72), (64, 66, 74))
JAW = ((0, 50, -112), (50, 52, 44))
# The neck: centre line at (0, y), radii to the right and to the front, top and middle of its upper fade.
NECK_Y, NECK_RADII, NECK_TOP = -42.0, (60.0, 62.0), -48.0

Distances = Float[np.ndarray[Any, Any], "right anterior superior"]


@dataclass(frozen=True, slots=True, eq=False)
class Surroundings:
    """Distances on `HEAD_LATTICE`, float32, in mm.

    Attributes:
        from_cranium_mm: distance from the cranium's inner wall, negative inside.
        below_skin_mm: depth below the skin, negative in the air.
    """

    from_cranium_mm: Volume
    below_skin_mm: Volume


@cache
def load_surroundings() -> Surroundings:
    """Build the distances; takes some seconds, once per process."""
    cranium = _closed(_brain_on_lattice())
    from_cranium = _signed_distance(cranium)
    head = (from_cranium < VAULT_MM) | _lower_head()
    below_skin = -_signed_distance(ndimage.gaussian_filter(head.astype(np.float32), 3.0 / SPACING_MM) > 0.5)
    return Surroundings(Volume(from_cranium, HEAD_LATTICE), Volume(below_skin, HEAD_LATTICE))


def ellipsoid(
    points_mm: Points, centre_mm: tuple[float, float, float], radii_mm: tuple[float, float, float]
) -> Float[np.ndarray[Any, Any], " point"]:
    """Return the distance from a centre in units of the radii: below 1 inside."""
    squares = sum(
        ((points_mm[axis] - np.float32(centre_mm[axis])) / np.float32(radii_mm[axis])) ** 2 for axis in range(3)
    )
    level: Float[np.ndarray[Any, Any], " point"] = np.sqrt(squares)
    return level


def _brain_on_lattice() -> Bool[np.ndarray[Any, Any], "right anterior superior"]:
    brain = sample(load_template().brain, positions(HEAD_LATTICE), outside=0.0) > 127
    inside: Bool[np.ndarray[Any, Any], "right anterior superior"] = brain.reshape(HEAD_LATTICE.shape)
    return inside


def _closed(
    mask: Bool[np.ndarray[Any, Any], "right anterior superior"],
) -> Bool[np.ndarray[Any, Any], "right anterior superior"]:
    grown = SPACING_MM * ndimage.distance_transform_edt(~mask) < BRIDGE_MM
    closed: Bool[np.ndarray[Any, Any], "right anterior superior"] = (
        SPACING_MM * ndimage.distance_transform_edt(grown) > BRIDGE_MM
    )
    closed |= mask
    return closed


def _signed_distance(mask: Bool[np.ndarray[Any, Any], "right anterior superior"]) -> Distances:
    outside, inside = ndimage.distance_transform_edt(~mask), ndimage.distance_transform_edt(mask)
    distance = (SPACING_MM * (outside - inside)).astype(np.float32)
    smooth: Distances = ndimage.gaussian_filter(distance, 1.0)
    return smooth


def _lower_head() -> Bool[np.ndarray[Any, Any], "right anterior superior"]:
    points = positions(HEAD_LATTICE)
    inside = np.zeros(points.shape[1], dtype=bool)
    for centre, radii in (NOSE, BASE, FACE, JAW):
        inside |= ellipsoid(points, centre, radii) < 1
    across, along = points[0] / NECK_RADII[0], (points[1] - NECK_Y) / NECK_RADII[1]
    inside |= (across**2 + along**2 < 1) & (points[2] < NECK_TOP)
    lower: Bool[np.ndarray[Any, Any], "right anterior superior"] = inside.reshape(HEAD_LATTICE.shape)
    return lower
