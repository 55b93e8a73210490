"""Batches in which no subject is alone, for objectives that tell a scan from another subject's."""

from collections import Counter
from collections.abc import Mapping, Sequence

from medical_transformer.errors import TrainingError


def mix_subjects(batches: Sequence[Sequence[int]], owner: Mapping[int, str]) -> list[list[int]]:
    """Exchange as few items as needed until every batch holds scans of two subjects or more.

    Batches that do so already are left as they are, so the order of an epoch stays a function of seed and epoch.

    Args:
        batches: items of each batch, at least two.
        owner: whose each item is.

    Raises:
        TrainingError: if there are too few scans of others beside one subject's.
    """
    mixed = [list(batch) for batch in batches]
    _refuse_too_many_of_one(mixed, owner)
    for batch in mixed:
        subject = owner[batch[0]]
        if all(owner[item] == subject for item in batch):
            _exchange(batch, subject, mixed, owner)
    return mixed


def _exchange(batch: list[int], subject: str, batches: list[list[int]], owner: Mapping[int, str]) -> None:
    """Give the last item of a batch of one subject away for another subject's.

    There is a batch with two scans of others, which stays mixed: there are as many of them as batches, and this batch
    has none.
    """
    for giver in batches:
        others = [place for place, item in enumerate(giver) if owner[item] != subject]
        if len(others) >= 2:
            place = others[-1]
            batch[-1], giver[place] = giver[place], batch[-1]
            return


def _refuse_too_many_of_one(batches: list[list[int]], owner: Mapping[int, str]) -> None:
    counts = Counter(owner[item] for batch in batches for item in batch)
    (subject, most), scans = counts.most_common(1)[0], counts.total()
    if scans - most < len(batches):
        raise TrainingError(
            f"{most} of {scans} training scans belong to subject {subject!r}, so {len(batches)} batches cannot all "
            "hold a scan of another subject, and there is no negative example; raise the batch size or add subjects."
        )
