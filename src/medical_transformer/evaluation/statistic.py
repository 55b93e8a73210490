"""A score as a function of the scans chosen, and of how often each was drawn.

A bootstrap asks for a score thousands of times. Every score here can also be computed for all resamples at once, from
the number of times that each scan was drawn into each of them; both ways give the same, which is tested.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Real

Indices = Any  # a vector of scan indices, which may repeat
Weights = Real[np.ndarray[Any, Any], "resample scan"]
Values = Real[np.ndarray[Any, Any], " resample"]


@dataclass(frozen=True, slots=True)
class Statistic:
    """A number of some scans; NaN where it is undefined on them.

    Attributes:
        chosen: from indices of scans.
        drawn: from how often each scan stands in each resample, for all resamples at once.
    """

    chosen: Callable[[Indices], float]
    drawn: Callable[[Weights], Values]

    def __call__(self, indices: Indices) -> float:
        """Return the score of the scans with these indices."""
        return self.chosen(indices)

    def __sub__(self, other: "Statistic") -> "Statistic":
        """Return the difference of two scores of the same scans."""
        return Statistic(
            lambda indices: self.chosen(indices) - other.chosen(indices),
            lambda weights: self.drawn(weights) - other.drawn(weights),
        )


def average(statistics: Sequence[Statistic]) -> Statistic:
    """Return the mean of several scores of the same scans; NaN where one of them is undefined."""
    return Statistic(
        lambda indices: float(np.mean([one.chosen(indices) for one in statistics])),
        lambda weights: np.mean([one.drawn(weights) for one in statistics], axis=0),
    )
