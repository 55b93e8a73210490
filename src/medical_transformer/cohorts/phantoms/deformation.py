"""Smooth, invertible deformations: the flow along a velocity field."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float
from scipy import ndimage

from medical_transformer.cohorts.phantoms.sampling import Points, lattice, positions, sample, smooth_noise
from medical_transformer.volumes import Volume

# Velocities live on this lattice of template space; it reaches around the whole head.
LATTICE = lattice((-104, -148, -160), (106, 132, 110), 5.0)
Velocity = Float[np.ndarray[Any, Any], "3 right anterior superior"]

SQUARINGS = 3
PERSON_WAVELENGTHS_MM = (140.0, 60.0)


@dataclass(frozen=True, slots=True, eq=False)
class Deformation:
    """Where the template lies behind each point of a head: `template = point + displacement(point)`.

    Attributes:
        displacement_mm: on `LATTICE`, in mm along right, anterior and superior.
    """

    displacement_mm: Velocity

    def pull(self, points_mm: Points) -> Points:
        """Return the template positions behind points of the head (in template-aligned mm)."""
        pulled = points_mm.copy()
        for axis in range(3):
            pulled[axis] += sample(Volume(self.displacement_mm[axis], LATTICE), points_mm)
        return pulled

    def jacobian(self) -> Float[np.ndarray[Any, Any], "right anterior superior"]:
        """Return the determinant of the pull's derivative on `LATTICE`: positive where nothing folds."""
        spacing = LATTICE.spacing_mm[0]
        rows = [np.stack(np.gradient(component, spacing), axis=-1) for component in self.displacement_mm]
        derivative = np.stack(rows, axis=-2) + np.eye(3)
        determinant: Float[np.ndarray[Any, Any], "right anterior superior"] = np.linalg.det(derivative)
        return determinant


def flow(velocity: Velocity) -> Deformation:
    """Follow a velocity (in mm, from template to head) for one unit of time, backwards.

    Scaling and squaring: the short flow over 2^-n of the time is composed with itself n times, which keeps
    the map one-to-one.
    """
    displacement = (-velocity / 2**SQUARINGS).astype(np.float32)
    indices = np.stack(np.meshgrid(*[np.arange(side) for side in LATTICE.shape], indexing="ij"))
    indices = indices.astype(np.float32)
    for _ in range(SQUARINGS):
        ahead = indices + displacement / np.float32(LATTICE.spacing_mm[0])
        onward = [ndimage.map_coordinates(part, ahead, order=1, mode="nearest") for part in displacement]
        displacement = displacement + np.stack(onward)
    return Deformation(displacement)


def draw_person(amplitude_mm: float, random: np.random.Generator) -> Velocity:
    """Draw the velocity that makes one head differ from the next.

    Two bands of smooth noise, the fine one half as strong; what an affine could explain inside the brain's
    box is taken out, so that the drawn affine stays the true one.

    Args:
        amplitude_mm: standard deviation of each component.
        random: the source of randomness.
    """
    velocity = np.empty((3, *LATTICE.shape), dtype=np.float32)
    for axis in range(3):
        coarse, fine = (smooth_noise(LATTICE, length, random) for length in PERSON_WAVELENGTHS_MM)
        velocity[axis] = amplitude_mm * (0.9 * coarse + 0.45 * fine)
    return velocity - _affine_part(velocity)


def _affine_part(velocity: Velocity) -> Velocity:
    points = positions(LATTICE).astype(np.float64) / 100.0
    basis = np.vstack([points, np.ones(points.shape[1])]).T
    inside = (np.abs(points - np.array([[0.0], [-0.17], [0.05]])) < np.array([[0.75], [0.92], [0.78]])).all(0)
    weights, *_ = np.linalg.lstsq(basis[inside], velocity.reshape(3, -1).T[inside].astype(np.float64), rcond=None)
    part: Velocity = (basis @ weights).T.reshape(velocity.shape).astype(np.float32)
    return part


def push_from(centre_mm: tuple[float, float, float], radius_mm: float, strength_mm: float) -> Velocity:
    """Return the velocity of tissue that is pushed away from a centre, strongest at `radius_mm`."""
    points = positions(LATTICE).reshape(3, *LATTICE.shape)
    offset = points - np.array(centre_mm, dtype=np.float32).reshape(3, 1, 1, 1)
    distance = np.sqrt((offset**2).sum(axis=0)) / radius_mm
    profile = strength_mm / radius_mm * np.exp((1.0 - distance**2) / 2.0)
    velocity: Velocity = (offset * profile).astype(np.float32)
    return velocity
