"""CPC: the context, what follows it, and negatives of other subjects."""

import math

import pytest
import torch
from torch import Tensor

from medical_transformer.errors import CollapseError, TrainingError
from medical_transformer.pretraining import PredictiveCoding, UnlabelledBatch
from medical_transformer.pretraining.coding_patches import CONTEXT, FUTURE, cut_cells, draw_cells
from medical_transformer.pretraining.predictive_coding import draw_elsewhere

from .conftest import Tiny

SHAPE = (40, 36, 44)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def places(cells: Tensor) -> list[tuple[int, int, int]]:
    return [(int(cell) // 16, int(cell) // 4 % 4, int(cell) % 4) for cell in cells]


def test_every_column_has_ten_cells_of_context_and_two_that_follow() -> None:
    assert CONTEXT.shape == (16, 10)
    assert FUTURE.shape == (16, 2)


def test_the_context_is_the_nine_cells_around_and_the_one_behind() -> None:
    """Column (2, 1) is inside the grid, so nothing is mirrored."""
    column = places(CONTEXT[2 * 4 + 1])
    assert column[:9] == [(0, y, z) for y in (1, 2, 3) for z in (0, 1, 2)]
    assert column[9] == (1, 2, 1)
    assert places(FUTURE[2 * 4 + 1]) == [(2, 2, 1), (3, 2, 1)]


def test_outside_the_grid_the_context_is_mirrored() -> None:
    assert places(CONTEXT[0])[:9] == [(0, y, z) for y in (1, 0, 1) for z in (1, 0, 1)]
    assert places(CONTEXT[15])[:9] == [(0, y, z) for y in (2, 3, 2) for z in (2, 3, 2)]


def test_no_context_contains_what_follows() -> None:
    assert all(not set(seen) & set(future) for seen, future in zip(CONTEXT.tolist(), FUTURE.tolist(), strict=True))


def test_a_cube_of_128_is_cut_as_published() -> None:
    draw = draw_cells(50, (128, 128, 128), generator())
    assert draw.crop == (121, 121, 121)
    assert (draw.grid.cell, draw.grid.patch) == ((32,) * 3, (28,) * 3)
    assert int(draw.corner.min()) == 0
    assert int(draw.corner.max()) == 7
    assert int(draw.offsets.max()) == 4
    assert float(draw.mirrored.float().mean()) == pytest.approx(0.5, abs=0.03)


def test_a_patch_stands_in_the_middle_of_its_cell_with_background_around() -> None:
    cells = cut_cells(torch.ones(2, 1, *SHAPE), draw_cells(2, SHAPE, generator()))
    assert cells.shape == (2, 64, 1, 10, 9, 11)
    inner = cells[:, 21]  # a cell inside the grid, which the padding of the crop does not reach
    assert float(inner[..., 1:, :8, :10].min()) + float(inner[..., :9, :8, :10].min()) > 0  # one voxel less per side
    assert float(inner[..., 8:, :].max()) == 0
    assert float(inner[..., 10:].max()) == 0


def test_cells_hold_what_lies_there_mirrored_or_not() -> None:
    """Every voxel carries its place; the crop moves all cells of a scan by the same step."""
    grid_places = torch.stack(torch.meshgrid(*(torch.arange(1.0, side + 1) for side in SHAPE), indexing="ij"))
    draw = draw_cells(1, SHAPE, generator(2))
    cells = cut_cells(grid_places[None], draw)[0]
    removed = torch.tensor(SHAPE) - torch.tensor(draw.crop)
    step = draw.corner[0, 0] - removed // 2
    for number in (21, 22, 41):  # inside
        right = cells[number, 0].amax(dim=(1, 2))
        right = right[right > 0]
        assert bool((right.diff() == (-1 if draw.mirrored[0, number] else 1)).all())
        first = torch.stack([axis[axis > 0].min() for axis in cells[number]]) - 1
        expected = draw.grid.corners()[number] + draw.offsets[0, number] + step
        assert torch.equal(first.long(), expected)


def test_a_draw_can_be_replayed_from_its_seed() -> None:
    volumes = torch.rand((2, 1, *SHAPE), generator=generator())
    one, again, other = (cut_cells(volumes, draw_cells(2, SHAPE, generator(seed))) for seed in (1, 1, 2))
    assert torch.equal(one, again)
    assert not torch.equal(one, other)


def test_negatives_come_from_all_columns_of_other_subjects_only() -> None:
    subjects = ("a", "a", "b", "c")
    scans, columns = draw_elsewhere(subjects, 40, generator())
    assert scans.shape == columns.shape == (4, 16, 40)
    for scan, subject in enumerate(subjects):
        found = set(scans[scan].flatten().tolist())
        assert found == {place for place, other in enumerate(subjects) if other != subject}
    assert set(columns.flatten().tolist()) == set(range(16))


def loss_by_hand(task: PredictiveCoding, batch: UnlabelledBatch, seed: int) -> float:
    """Do the published steps one context at a time."""
    draws = generator(seed)
    cells = cut_cells(batch.volumes, draw_cells(len(batch.volumes), SHAPE, draws))
    codes = torch.stack([task.code(task.backbone(scan).vector) for scan in cells])
    scans, columns = draw_elsewhere(batch.subjects, task.negatives, draws)
    losses = []
    for scan in range(len(codes)):
        for column in range(16):
            _, memory = task.memory(codes[scan, CONTEXT[column]][None])
            predicted = torch.stack([layer(memory[0, 0]) for layer in task.predict])
            others = zip(scans[scan, column], columns[scan, column], strict=True)
            futures = [codes[scan, FUTURE[column]], *(codes[s, FUTURE[c]] for s, c in others)]
            scores = torch.stack([(predicted * future).mean() for future in futures])
            if task.loss == "infonce":
                losses.append(-torch.log(scores.exp()[0] / scores.exp().sum()))
            else:
                losses.append(-(torch.sigmoid(scores[0]).log() + torch.sigmoid(-scores[1]).log()) / 2)
    return float(torch.stack(losses).mean())


@torch.no_grad()
@pytest.mark.parametrize("loss", ["binary", "infonce"])
def test_the_loss_is_the_published_one(tiny: Tiny, batch: UnlabelledBatch, loss: str) -> None:
    with torch.random.fork_rng():
        torch.manual_seed(2)
        task = PredictiveCoding(tiny, code_size=12, loss=loss, negatives=3)  # type: ignore[arg-type]
    # Fresh codes are small and nearly alike; spread them so that the loss is far from chance.
    tiny.coarse.bias.zero_()
    task.code.weight.mul_(150)
    for layer in task.predict:
        layer.weight.mul_(20)  # type: ignore[operator]
    assert float(task(batch, generator(4))) == pytest.approx(loss_by_hand(task, batch, 4), rel=1e-4)
    assert abs(float(task(batch, generator(4))) - task.chance["loss"]) > 1e-3


def test_the_sizes_are_the_published_ones(tiny: Tiny) -> None:
    task = PredictiveCoding(tiny)
    assert (task.code.out_features, task.memory.hidden_size, len(task.predict)) == (1024, 256, 2)
    assert task.chance == {"loss": math.log(2), "accuracy": 0.5}
    assert PredictiveCoding(tiny, loss="infonce", negatives=7).chance == {"loss": math.log(8), "accuracy": 1 / 8}


@pytest.mark.parametrize("loss", ["binary", "infonce"])
def test_every_weight_learns(tiny: Tiny, batch: UnlabelledBatch, loss: str) -> None:
    task = PredictiveCoding(tiny, loss=loss)  # type: ignore[arg-type]
    task(batch, generator()).backward()
    assert all(value.grad is not None and bool(value.grad.any()) for value in task.parameters())


@torch.no_grad()
@pytest.mark.parametrize("loss", ["binary", "infonce"])
def test_predicting_what_follows_is_always_right(tiny: Tiny, batch: UnlabelledBatch, loss: str) -> None:
    task = PredictiveCoding(tiny, loss=loss)  # type: ignore[arg-type]
    task._score = lambda *_: torch.tensor([[9.0] + [-9.0] * task.negatives] * 5)  # type: ignore[assignment, method-assign]
    numbers = task.validate([batch], generator())
    assert numbers["accuracy"] == 1
    assert numbers["loss"] < 1e-3


@torch.no_grad()
def test_validation_finds_negatives_in_other_batches(tiny: Tiny, volumes: Tensor) -> None:
    batches = [UnlabelledBatch(volumes[:2], ("a", "a")), UnlabelledBatch(volumes[2:], ("b", "b"))]
    assert math.isfinite(PredictiveCoding(tiny).validate(batches, generator())["loss"])
    with pytest.raises(TrainingError, match="'a'"):
        PredictiveCoding(tiny).validate(batches[:1], generator())


@torch.no_grad()
def test_a_collapsed_encoder_is_named(tiny: Tiny, batch: UnlabelledBatch) -> None:
    torch.nn.init.zeros_(tiny.coarse.weight)
    torch.nn.init.ones_(tiny.coarse.bias)
    with pytest.raises(CollapseError, match="collapsed"):
        PredictiveCoding(tiny).validate([batch], generator())
