"""No batch holds one subject only, and nothing else changes."""

import random
from collections import Counter
from itertools import chain

import pytest

from medical_transformer.errors import TrainingError
from medical_transformer.training import TrainingConfig, fit
from medical_transformer.training.fit import Split
from medical_transformer.training.mixing import mix_subjects

from .conftest import Line, PairSource


def dealt(rng: random.Random) -> tuple[list[list[int]], dict[int, str]]:
    """Deal scans of a few subjects, some of whom have many, into batches of two to five."""
    sizes = [rng.randint(2, 5) for _ in range(rng.randint(1, 6))]
    subjects = rng.choices("abcd", weights=(8, 2, 1, 1), k=sum(sizes))
    items = iter(range(100, 100 + sum(sizes)))
    batches = [[next(items) for _ in range(size)] for size in sizes]
    return batches, dict(enumerate(subjects, start=100))


def test_every_batch_holds_two_subjects_wherever_that_is_possible() -> None:
    rng = random.Random(0)
    possible = 0
    for _ in range(500):
        batches, owner = dealt(rng)
        most = Counter(owner.values()).most_common(1)[0][1]
        if len(owner) - most < len(batches):
            with pytest.raises(TrainingError):
                mix_subjects(batches, owner)
            continue
        possible += 1
        mixed = mix_subjects(batches, owner)
        assert all(len({owner[item] for item in batch}) >= 2 for batch in mixed)
        assert sorted(item for batch in mixed for item in batch) == sorted(owner)
        assert [len(batch) for batch in mixed] == [len(batch) for batch in batches]
    assert 100 < possible < 450


def test_batches_that_are_mixed_already_are_left_alone() -> None:
    batches = [[3, 1, 2], [0, 4, 5]]
    assert mix_subjects(batches, dict(enumerate("aabbab"))) == batches


def test_a_single_subject_is_refused_by_name() -> None:
    with pytest.raises(TrainingError, match=r"4 of 4 training scans belong to subject 'sub-7'.*no negative"):
        mix_subjects([[0, 1], [2, 3]], dict.fromkeys(range(4), "sub-7"))


def test_a_run_never_meets_a_batch_of_one_subject() -> None:
    """Eleven scans of one subject and five of others: without mixing, most epochs have a batch of one subject."""
    owner = {item: "a" if item < 11 else f"sub-{item}" for item in range(16)}
    mixed, plain = PairSource(), PairSource()
    config = TrainingConfig(epochs=12, batch_size=4, device="cpu", patience=100)
    fit(Line(), mixed, Split(tuple(range(16)), (20, 21), owner), config)
    fit(Line(), plain, Split(tuple(range(16)), (20, 21)), config)
    alone = [sum(len({owner[item] for item in batch}) < 2 for batch in source.batches) for source in (mixed, plain)]
    assert alone[0] == 0
    assert alone[1] > 3
    for epoch in range(12):
        assert sorted(chain(*mixed.batches[4 * epoch : 4 * epoch + 4])) == list(range(16))


def test_the_order_depends_on_seed_and_epoch_alone() -> None:
    owner = {item: "a" if item < 11 else f"sub-{item}" for item in range(16)}
    seen = []
    for _ in range(2):
        source = PairSource()
        fit(Line(), source, Split(tuple(range(16)), (20,), owner), TrainingConfig(epochs=3, batch_size=4, device="cpu"))
        seen.append(source.batches)
    assert seen[0] == seen[1]
