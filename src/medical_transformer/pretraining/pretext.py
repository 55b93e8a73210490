"""What all pretext tasks share: the level of chance to compare with, and the refusal of a collapsed encoder."""

import math
from collections.abc import Mapping, Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from medical_transformer.contracts import BatchT, Objective
from medical_transformer.errors import CollapseError

NEGATIVES = "its negatives are the other scans of the batch"
# Two embeddings closer than this, relative to their own length, cannot be told apart in float32.
COLLAPSED = 1e-5


class Pretext(Objective[BatchT]):
    """A task that needs no labels.

    Attributes:
        chance: what a network that knows nothing reaches, for those of the validation numbers where that is known.
        needs_other_subjects: whether examples are told from scans of other subjects in the same batch.
        needs_two: why a batch needs two scans; empty where one is enough.
    """

    chance: Mapping[str, float]
    needs_other_subjects: bool = False
    needs_two: str = ""


def relative_spread(vectors: Float[Tensor, "item feature"]) -> float:
    """Return how far vectors lie apart, relative to their own length; a single one says nothing and is infinite."""
    if len(vectors) < 2:
        return math.inf
    return float(vectors.std(dim=0).norm() / vectors.norm(dim=1).mean().clamp_min(1e-12))


def refuse_collapse(spreads: Sequence[float]) -> None:
    """Refuse an encoder that tells nothing apart.

    Args:
        spreads: the relative spread of its vectors, perhaps of several groups of them; the mean counts.

    Raises:
        CollapseError: if they are all alike.
    """
    spread = sum(spreads) / len(spreads)
    if spread < COLLAPSED:
        raise CollapseError(
            f"The encoder gives all scans the same vector (relative spread {spread:.1e}): it has collapsed. "
            "Lower the learning rate, or check that the scans differ."
        )


def mean_of(values: Sequence[Tensor]) -> float:
    """Return the mean over the items of all batches."""
    return float(torch.cat(tuple(values)).mean())
