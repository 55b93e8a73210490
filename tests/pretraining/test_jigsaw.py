"""Jigsaw: 100 fixed permutations, kept beside the run, and patches in their order."""

from pathlib import Path

import pytest
import torch

from medical_transformer.errors import TrainingError
from medical_transformer.pretraining import Jigsaw, draw_permutations, load_permutations, save_permutations
from medical_transformer.pretraining.patches import plan_grid

from .conftest import Tiny

SHAPE = (12, 15, 18)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def distances(permutations: torch.Tensor) -> torch.Tensor:
    """Hamming distances of all pairs."""
    differ = (permutations[:, None] != permutations[None]).sum(dim=2)
    return differ[~torch.eye(len(permutations), dtype=torch.bool)]


@pytest.mark.parametrize("choice", ["random", "distant"])
def test_there_are_100_distinct_permutations_without_the_identity(choice: str) -> None:
    found = draw_permutations(100, generator(), choice=choice)  # type: ignore[arg-type]
    assert found.shape == (100, 27)
    assert torch.equal(found.sort(dim=1).values, torch.arange(27).expand(100, -1))
    assert int(distances(torch.cat([found, torch.arange(27)[None]])).min()) > 0


def test_the_seed_decides_the_permutations() -> None:
    one, again, other = (draw_permutations(100, generator(seed)) for seed in (1, 1, 2))
    assert torch.equal(one, again)
    assert not torch.equal(one, other)


def test_random_permutations_lie_as_far_apart_as_the_published_ones() -> None:
    """The authors' file has a mean Hamming distance of 26.0 and a largest one of 27; 26 is what chance gives."""
    found = distances(draw_permutations(100, generator())).float()
    assert float(found.mean()) == pytest.approx(26.0, abs=0.1)
    assert int(found.max()) == 27


def test_distant_permutations_lie_farther_apart_than_random_ones() -> None:
    random, distant = (distances(draw_permutations(100, generator(), choice=c)) for c in ("random", "distant"))
    assert int(distant.min()) >= int(random.min()) + 2


def test_each_distant_permutation_is_the_candidate_that_lies_farthest_from_the_nearest_of_those_before() -> None:
    draws, chosen = generator(5), [tuple(range(27))]
    for _ in range(6):
        candidates = [tuple(one) for one in torch.rand((1000, 27), generator=draws).argsort(dim=1).tolist()]
        chosen.append(max(candidates, key=lambda one: min(elsewhere(one, other) for other in chosen)))
    assert [tuple(one) for one in draw_permutations(6, generator(5), choice="distant").tolist()] == chosen[1:]


def elsewhere(one: tuple[int, ...], other: tuple[int, ...]) -> int:
    return sum(mine != its for mine, its in zip(one, other, strict=True))


def test_saved_permutations_are_read_back(tmp_path: Path) -> None:
    permutations = draw_permutations(5, generator())
    save_permutations(permutations, tmp_path / "permutations.tsv")
    assert torch.equal(load_permutations(tmp_path / "permutations.tsv"), permutations)


@pytest.mark.parametrize(
    "row", ["1\t" + "\t".join(["0"] * 27), "1\tx", "1\t0\t1", "0\t" + "\t".join(map(str, range(27)))]
)
def test_damaged_permutations_are_refused_by_name(tmp_path: Path, row: str) -> None:
    path = tmp_path / "permutations.tsv"
    save_permutations(torch.arange(27)[None], path)
    path.write_text(path.read_text("utf-8") + row + "\n", encoding="utf-8")
    with pytest.raises(TrainingError, match=r"permutations\.tsv"):
        load_permutations(path)


def test_each_place_shows_the_cell_that_its_permutation_names(tiny: Tiny) -> None:
    """Every voxel carries its place, so a patch tells from which cell it was cut."""
    permutations = draw_permutations(100, generator(3))
    task, grid = Jigsaw(tiny, permutations, share=0.8), plan_grid(SHAPE, 3, 0.8)
    places = torch.stack(torch.meshgrid(*(torch.arange(float(side)) for side in SHAPE), indexing="ij"))
    question = task.ask(places.expand(20, -1, -1, -1, -1), generator())
    for parts, answer in zip(question.parts, question.answers, strict=True):
        cells = (parts.amin(dim=(2, 3, 4)).long() - torch.tensor(grid.start)) // torch.tensor(grid.cell)
        numbers = cells @ torch.tensor([9, 3, 1])
        assert torch.equal(numbers, permutations[answer])


def test_patches_move_in_training_and_lie_in_the_middle_in_validation(tiny: Tiny) -> None:
    task = Jigsaw(tiny, draw_permutations(1, generator()))
    volumes = torch.rand((2, 1, 24, 30, 36), generator=generator(1))
    shown = {}
    for mode in (True, False):
        task.train(mode)
        shown[mode] = [task.ask(volumes, generator(seed)).parts for seed in (0, 1)]
    assert not torch.equal(*shown[True])
    assert torch.equal(*shown[False])


def test_the_permutations_travel_with_the_checkpoint(tiny: Tiny) -> None:
    permutations = draw_permutations(4, generator())
    assert torch.equal(Jigsaw(tiny, permutations).state_dict()["permutations"], permutations)
