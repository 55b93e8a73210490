import torch

from medical_transformer.training import derive_seed, generator
from medical_transformer.training.randomness import shuffled


def test_a_draw_is_a_function_of_seed_and_place() -> None:
    one, other = (torch.rand(3, generator=generator(1, "epoch", 2, "step", 3)) for _ in range(2))
    assert torch.equal(one, other)


def test_other_seeds_and_places_give_other_draws() -> None:
    seeds = {derive_seed(seed, "epoch", epoch, "step", step) for seed in (0, 1) for epoch in (0, 1) for step in (0, 1)}
    assert len(seeds) == 8
    assert derive_seed(0, "a", 11) != derive_seed(0, "a", 1, 1)


def test_seeds_are_the_same_on_every_machine_and_in_every_process() -> None:
    assert derive_seed(7, "epoch", 3) == 4738941080608759763


def test_shuffling_loses_nobody() -> None:
    items = list(range(10, 40))
    assert sorted(shuffled(items, 0, 0)) == items
    assert shuffled(items, 0, 0) == shuffled(items, 0, 0)
    assert shuffled(items, 0, 0) != shuffled(items, 0, 1)
