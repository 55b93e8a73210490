"""Local shuffling: the published rates, and the same voxels as one window after the other would give."""

import random

import numpy as np
import pytest
import torch

from medical_transformer.pretraining.shuffling import Windows, draw_windows, origins, shuffle

SHAPE = (10, 14, 8)
CUBE = (64, 64, 32)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def shuffle_plainly(image: np.ndarray, seed: int) -> np.ndarray:
    """Do what is published, one window after the other, with Python's own randomness."""
    draw, order = random.Random(seed), np.random.default_rng(seed)
    out = image.copy()
    for _ in range(10_000):
        sides = [draw.randint(1, side // 10) for side in image.shape]
        starts = [draw.randint(0, whole - side) for whole, side in zip(image.shape, sides, strict=True)]
        place = tuple(slice(start, start + side) for start, side in zip(starts, sides, strict=True))
        out[place] = order.permutation(image[place].ravel()).reshape(sides)
    return out


def shuffle_one_by_one(image: torch.Tensor, windows: Windows) -> torch.Tensor:
    """Write the windows that were drawn one after the other; later ones win."""
    chance = torch.rand(
        int(windows.sides.prod(1).sum()), generator=torch.Generator().manual_seed(windows.seed), dtype=torch.float64
    ).split(windows.sides.prod(1).tolist())
    out = image.clone()
    for (r, a, s), (dr, da, ds), numbers in zip(windows.corners.tolist(), windows.sides.tolist(), chance, strict=True):
        place = (slice(r, r + dr), slice(a, a + da), slice(s, s + ds))
        out[:, *place] = image[:, *place].flatten(1)[:, numbers.argsort()].view(-1, dr, da, ds)
    return out


def test_all_at_once_is_the_same_as_one_window_after_the_other() -> None:
    volume = torch.rand((2, *SHAPE), generator=generator())
    for seed in range(3):
        windows = draw_windows(SHAPE, generator(seed))
        assert torch.equal(shuffle(volume, windows), shuffle_one_by_one(volume, windows))


def test_overlapping_windows_take_from_the_original_and_the_later_one_wins() -> None:
    corners, sides = torch.tensor([[0, 0, 0], [0, 0, 0]]), torch.tensor([[6, 1, 1], [3, 1, 1]])
    origin = origins((6, 1, 1), Windows(corners, sides, seed=3))
    assert sorted(origin[:3].tolist()) == [0, 1, 2]
    assert set(origin[3:].tolist()) <= set(range(6))
    assert len(set(origin[3:].tolist())) == 3


def test_a_cube_of_the_published_size_has_the_published_windows() -> None:
    windows = draw_windows(CUBE, generator())
    assert windows.corners.shape == (10_000, 3)
    for axis, (side, most) in enumerate(zip(CUBE, (6, 6, 3), strict=True)):
        share = torch.bincount(windows.sides[:, axis])[1:] / 10_000
        torch.testing.assert_close(share, torch.full((most,), 1 / most), atol=0.02, rtol=0)
        last = windows.corners[:, axis] + windows.sides[:, axis]
        assert int(windows.corners[:, axis].min()) == 0
        assert int(last.max()) == side


def test_as_many_voxels_move_as_in_a_plain_implementation() -> None:
    """Every voxel has a value of its own, so those that have not moved can be counted."""
    image = np.arange(np.prod(CUBE), dtype=np.int64).reshape(CUBE)
    plain = float((shuffle_plainly(image, 0) != image).mean())
    origin = origins(CUBE, draw_windows(CUBE, generator()))
    assert float((origin != torch.arange(len(origin))).float().mean()) == pytest.approx(plain, abs=0.01)


def test_voxels_move_as_far_as_in_a_plain_implementation() -> None:
    image = np.arange(np.prod(CUBE), dtype=np.int64).reshape(CUBE)
    origin = origins(CUBE, draw_windows(CUBE, generator())).numpy()
    steps = [
        np.abs(np.stack(np.unravel_index(found.ravel(), CUBE)) - np.stack(np.unravel_index(image.ravel(), CUBE)))
        for found in (origin, shuffle_plainly(image, 1))
    ]
    np.testing.assert_allclose(steps[0].mean(axis=1), steps[1].mean(axis=1), rtol=0.03)
    assert (steps[0].max(axis=1) == (5, 5, 2)).all()


@pytest.mark.parametrize("shape", [(48, 57, 48), (31, 44, 70)])
def test_another_volume_has_as_many_windows_per_voxel(shape: tuple[int, int, int]) -> None:
    windows = draw_windows(shape, generator())
    assert len(windows.sides) / np.prod(shape) == pytest.approx(10_000 / np.prod(CUBE), rel=1e-3)
    origin = origins(shape, windows)
    assert float((origin != torch.arange(len(origin))).float().mean()) == pytest.approx(
        0.785, abs=0.025
    )  # the rim is covered less


def test_channels_are_shuffled_alike() -> None:
    volume = torch.rand((1, *SHAPE), generator=generator())
    both = shuffle(torch.cat([volume, volume + 1]), draw_windows(SHAPE, generator()))
    torch.testing.assert_close(both[0] + 1, both[1])


def test_a_draw_can_be_replayed_from_its_seed() -> None:
    one, again, other = (origins(SHAPE, draw_windows(SHAPE, generator(seed))) for seed in (1, 1, 2))
    assert torch.equal(one, again)
    assert not torch.equal(one, other)
