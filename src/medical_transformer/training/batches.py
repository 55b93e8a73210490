"""In which batches the items of an epoch are taken."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from itertools import pairwise

from torch import Tensor

from medical_transformer.training.randomness import shuffled


def epoch_batches(items: Sequence[int], size: int, *, seed: int, epoch: int) -> list[list[int]]:
    """Return the batches of an epoch, in an order that seed and epoch alone decide."""
    return even_batches(shuffled(list(items), seed, epoch), size)


def even_batches(items: Sequence[int], size: int) -> list[list[int]]:
    """Deal items into even batches of at most `size`.

    Nobody is left alone, because stage 1 takes its negatives from the batch: one of two may have to hold three.
    """
    count = math.ceil(len(items) / size)
    if size > 1 and count > 1 and len(items) < 2 * count:
        count -= 1
    places = [len(items) * number // count for number in range(count + 1)]
    return [list(items[start:stop]) for start, stop in pairwise(places)]


def places_not_finite(batch: object) -> list[int]:
    """Return the places of a batch at which a tensor holds NaN or infinity.

    Sums are looked at first, which read every value once and keep nothing.
    """
    suspect = [tensor for tensor in _numbers(batch) if not tensor.sum().isfinite()]
    return sorted({int(place) for tensor in suspect for place in (~tensor.isfinite()).flatten(1).any(1).nonzero()})


def _numbers(batch: object) -> Iterator[Tensor]:
    """Return the tensors of a dataclass that are no indices, with a row of values per scan."""
    values = [getattr(batch, field.name) for field in fields(batch)] if is_dataclass(batch) else []
    for value in values:
        for tensor in value.values() if isinstance(value, Mapping) else (value,):
            if isinstance(tensor, Tensor) and tensor.is_floating_point():
                yield tensor.flatten(1) if tensor.ndim > 1 else tensor[:, None]
