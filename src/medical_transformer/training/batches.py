"""In which batches the items of an epoch are taken."""

import math
from collections.abc import Sequence
from itertools import pairwise

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
