"""Relative patch location: 26 neighbours of the central cell, each with its place."""

import itertools

import torch

from medical_transformer.pretraining import PatchLocation
from medical_transformer.pretraining.patch_location import cell_of, draw_pairs
from medical_transformer.pretraining.patches import plan_grid

from .conftest import Tiny

SHAPE = (12, 15, 18)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_the_classes_are_the_26_steps_from_the_centre() -> None:
    cells = cell_of(torch.arange(26))
    steps = [(int(c) // 9 - 1, int(c) // 3 % 3 - 1, int(c) % 3 - 1) for c in cells]
    assert steps == [step for step in itertools.product((-1, 0, 1), repeat=3) if step != (0, 0, 0)]


def test_the_first_part_is_the_central_patch_and_the_second_that_of_the_answer(tiny: Tiny) -> None:
    """Every voxel carries its place, so a patch tells from which cell it was cut."""
    places = torch.stack(torch.meshgrid(*(torch.arange(float(side)) for side in SHAPE), indexing="ij"))
    question = PatchLocation(tiny, share=0.8).ask(places.expand(60, -1, -1, -1, -1), generator())
    grid = plan_grid(SHAPE, 3, 0.8)
    for parts, answer in zip(question.parts, question.answers, strict=True):
        for part, cell in zip(parts, (13, int(cell_of(answer[None]))), strict=True):
            within = part.amin(dim=(1, 2, 3)).long() - grid.corners()[cell]
            assert bool((within >= 0).all())
            assert bool((within <= torch.tensor(grid.jitter)).all())
            assert tuple(part.shape[1:]) == grid.patch


def test_both_patches_move_independently() -> None:
    grid = plan_grid((42, 39, 48), 3, 0.8)
    offsets = draw_pairs(400, grid, generator()).offsets.float()
    correlation = torch.corrcoef(offsets.flatten(1).T)
    assert float((correlation - torch.eye(6)).abs().max()) < 0.2
