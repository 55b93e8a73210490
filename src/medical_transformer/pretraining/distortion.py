"""The four distortions of Models Genesis, at the published rates and in the published order.

Zhou et al., "Models Genesis". A flip is made to the scan and to what is to be restored alike; then follow local
shuffling, a change of intensities along a Bezier curve, of which half invert the contrast, and painting.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from medical_transformer.pretraining.painting import Painting, draw_painting, paint
from medical_transformer.pretraining.shuffling import OneVolume, Windows, draw_windows, shuffle
from medical_transformer.slices import BezierCurves, draw_curves, transform_intensities

FLIP, MOST_FLIPS = 0.4, 3
SHUFFLE, CURVE, INVERTING, PAINT, OUTSIDE = 0.5, 0.9, 0.5, 0.9, 0.8


@dataclass(frozen=True, slots=True, eq=False)
class Distortion:
    """What is done to one scan; None is a step that is left out.

    Attributes:
        flips: axes that are mirrored, one after another.
        windows: where voxels are shuffled.
        curve: along which the intensities change.
        painting: blocks of noise.
    """

    flips: tuple[int, ...]
    windows: Windows | None
    curve: BezierCurves | None
    painting: Painting | None


def draw_distortion(shape: Sequence[int], generator: torch.Generator) -> Distortion:
    """Draw what is done to a scan.

    Raises:
        ConfigError: if a volume of this shape is too small.
    """
    flips: list[int] = []
    while len(flips) < MOST_FLIPS and _chance(FLIP, generator):
        flips.append(int(torch.randint(3, (), generator=generator)))
    windows = draw_windows(shape, generator) if _chance(SHUFFLE, generator) else None
    curve = draw_curves(1, generator, inverting=INVERTING) if _chance(CURVE, generator) else None
    painted = _chance(PAINT, generator)
    painting = draw_painting(shape, generator, outside=_chance(OUTSIDE, generator)) if painted else None
    return Distortion(tuple(flips), windows, curve, painting)


def distort(volume: OneVolume, distortion: Distortion) -> tuple[OneVolume, OneVolume]:
    """Return the distorted scan and what is to be restored from it."""
    truth = volume
    for axis in distortion.flips:
        truth = truth.flip(axis + 1)
    changed = truth
    if distortion.windows is not None:
        changed = shuffle(changed, distortion.windows)
    if distortion.curve is not None:
        changed = transform_intensities(changed[None], _on(changed, distortion.curve))[0]
    if distortion.painting is not None:
        changed = paint(changed, distortion.painting)
    return changed, truth


def _chance(share: float, generator: torch.Generator) -> bool:
    return float(torch.rand((), generator=generator)) < share


def _on(like: Tensor, curve: BezierCurves) -> BezierCurves:
    return BezierCurves(curve.control.to(like), curve.inverted.to(like.device))
