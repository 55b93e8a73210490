"""What the scanner adds: bias field, noise, gain and whole numbers."""

from typing import Any

import numpy as np
from jaxtyping import Float, Int16

from medical_transformer.volumes import Grid

Image = Float[np.ndarray[Any, Any], "right anterior superior"]


def bias_field(grid: Grid, strength: float, random: np.random.Generator) -> Image:
    """Draw a smooth field around 1: the exponential of a random polynomial of second order.

    Args:
        grid: where to draw it.
        strength: the field stays within about 1 +- this in the middle of the field of view.
        random: the source of randomness.
    """
    axes = [np.linspace(-1, 1, side, dtype=np.float32) for side in grid.shape]
    right, anterior, superior = np.ix_(*axes)
    terms = [right, anterior, superior, right**2, anterior**2, superior**2]
    terms += [right * anterior, anterior * superior, right * superior]
    weights = random.normal(0.0, 1.0, len(terms)).astype(np.float32)
    weights /= np.linalg.norm(weights) / np.float32(1.5 * strength)
    polynomial = np.zeros(grid.shape, dtype=np.float32)
    for weight, term in zip(weights, terms, strict=True):
        polynomial += weight * term
    middle = polynomial[tuple(slice(side // 4, 3 * side // 4) for side in grid.shape)].mean()
    field: Image = np.exp(np.clip(polynomial - middle, -0.7, 0.7))
    return field


def add_rician_noise(image: Image, sigma: float, random: np.random.Generator) -> Image:
    """Return the magnitude of a complex image with Gaussian noise in both channels."""
    real, imaginary = (sigma * random.standard_normal(image.shape, dtype=np.float32) for _ in range(2))
    magnitude: Image = np.hypot(image + real, imaginary)
    return magnitude


def digitised(image: Image, gain: float) -> Int16[np.ndarray[Any, Any], "right anterior superior"]:
    """Return whole numbers, white matter at about `gain`."""
    numbers: Int16[np.ndarray[Any, Any], "right anterior superior"] = np.rint(
        np.clip(image * np.float32(gain), 0, 32000)
    ).astype(np.int16)
    return numbers
