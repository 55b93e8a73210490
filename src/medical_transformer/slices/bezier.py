"""Bezier intensity curves: the appearance change that makes positive examples (paper section 3.3.1).

A cubic Bezier curve from (0, 0) to (1, 1) with two random control points in the unit square sends an intensity
to another one. Both coordinates rise all the way for any such points (their slope, a quadratic with the coefficients
a, b - a and 1 - b, never falls below 0, because a - b <= a (1 - b)). So the curve is smooth and monotone, every
intensity keeps its own value, the anatomy stays in order, and background 0 stays 0. The paper says monotone; the
authors' code inverts the contrast of half of the draws, which is here an option.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from medical_transformer.shapes import VolumeBatch

# Points a curve is computed at, and entries of the table it is read from; both far finer than 8-bit intensities.
CURVE_POINTS = 4096
TABLE_ENTRIES = 2048


@dataclass(frozen=True, slots=True, eq=False)
class BezierCurves:
    """One curve per scan.

    Attributes:
        control: the two inner control points of each curve, in the unit square.
        inverted: whether the curve falls from (0, 1) to (1, 0) instead of rising.
    """

    control: Float[Tensor, "batch 2 2"]
    inverted: Bool[Tensor, "batch"]

    def table(self) -> Float[Tensor, "batch entry"]:
        """Return each curve's values at `TABLE_ENTRIES` intensities from 0 to 1 (`_places_of` finds them again)."""
        along = torch.linspace(0, 1, CURVE_POINTS, device=self.control.device)
        first, second = self.control.unbind(1)
        rising = along * along * along
        points = (
            3 * along * (1 - along) ** 2 * first[..., None] + 3 * along**2 * (1 - along) * second[..., None]
        ) + rising
        # Sorting mends rounding alone: both coordinates rise.
        x, y = points.sort(dim=-1).values.unbind(1)
        return _interpolate(x, torch.where(self.inverted[:, None], y.flip(-1), y))


def draw_curves(
    count: int, generator: torch.Generator, *, inverting: float = 0.0, device: torch.device | str = "cpu"
) -> BezierCurves:
    """Draw one curve per scan.

    Args:
        count: number of curves.
        generator: the randomness.
        inverting: share of curves that invert the contrast (0 in the paper, 0.5 in the authors' code).
        device: where the curves are wanted; the draw itself is the same everywhere.
    """
    control = torch.rand((count, 2, 2), generator=generator, device=generator.device)
    inverted = torch.rand((count,), generator=generator, device=generator.device) < inverting
    return BezierCurves(control.to(device), inverted.to(device))


def transform_intensities(volumes: VolumeBatch, curves: BezierCurves) -> VolumeBatch:
    """Send every intensity through its scan's curve; intensities must lie in [0, 1]."""
    position = _places_of(volumes.flatten(1)).mul_(TABLE_ENTRIES - 1)
    lower = position.floor().clamp_(0, TABLE_ENTRIES - 2)
    table = curves.table()
    index = lower.to(torch.int64)
    start = table.gather(1, index)
    stop = table.gather(1, index.add_(1))
    return torch.lerp(start, stop, position - lower).view_as(volumes)


def _interpolate(x: Float[Tensor, "batch point"], y: Float[Tensor, "batch point"]) -> Float[Tensor, "batch entry"]:
    """Read curves given by increasing abscissae at the intensities of the table's entries."""
    along = torch.linspace(0, 1, TABLE_ENTRIES, device=x.device)
    # A curve may leave a corner of the unit square upright, so the entries are dense at both ends.
    intensities = (along * along * (3 - 2 * along)).expand(len(x), -1).contiguous()
    after = torch.searchsorted(x.contiguous(), intensities).clamp_(1, x.shape[1] - 1)
    x_before, x_after = x.gather(1, after - 1), x.gather(1, after)
    share = ((intensities - x_before) / (x_after - x_before).clamp_min(1e-9)).clamp_(0, 1)
    return torch.lerp(y.gather(1, after - 1), y.gather(1, after), share)


def _places_of(intensities: Float[Tensor, "batch voxel"]) -> Float[Tensor, "batch voxel"]:
    """Return where along the table an intensity stands: the root u in [0, 1] of u^2 (3 - 2u) = intensity."""
    angle = torch.asin((1 - 2 * intensities).clamp_(-1, 1)).div_(3)
    return torch.sin(angle).neg_().add_(0.5).masked_fill_(intensities <= 0, 0).clamp_(0, 1)
