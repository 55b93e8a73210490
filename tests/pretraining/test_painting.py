"""In- and out-painting: how many blocks, how large, and where the noise goes."""

import collections
import functools

import pytest
import torch

from medical_transformer.errors import ConfigError
from medical_transformer.pretraining.painting import Painting, draw_painting, paint

SHAPE = (64, 48, 32)
DRAWS = 700


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@functools.cache
def drawn(*, outside: bool) -> list[Painting]:
    draws = generator()
    return [draw_painting(SHAPE, draws, outside=outside) for _ in range(DRAWS)]


@pytest.mark.parametrize(("outside", "least"), [(False, 0), (True, 1)])
def test_each_further_block_follows_with_probability_095_up_to_five(outside: bool, least: int) -> None:
    counts = collections.Counter(len(painting.blocks) for painting in drawn(outside=outside))
    assert set(counts) <= set(range(least, 6))
    assert counts[5] / DRAWS == pytest.approx(0.95 ** (5 - least), abs=0.03)
    assert counts[least] / DRAWS == pytest.approx(0.05, abs=0.02)


@pytest.mark.parametrize("outside", [False, True])
def test_blocks_have_the_published_sides_and_stay_away_from_the_rim(outside: bool) -> None:
    blocks = [block for painting in drawn(outside=outside) for block in painting.blocks]
    for axis, whole in enumerate(SHAPE):
        sides = {block[axis].stop - block[axis].start for block in blocks}
        least, most = (whole - 4 * whole // 7, whole - 3 * whole // 7) if outside else (whole // 6, whole // 3)
        assert (min(sides), max(sides)) == (least, most)
        assert min(block[axis].start for block in blocks) == 3
        assert max(block[axis].stop for block in blocks) == whole - 3


def test_inside_only_the_blocks_become_noise() -> None:
    volume = torch.full((1, *SHAPE), 2.0)
    block = (slice(3, 9), slice(5, 12), slice(4, 20))
    painted = paint(volume, Painting(outside=False, blocks=(block,), seed=1))
    noise = painted[:, *block]
    assert 0 <= float(noise.min()) < 0.02
    assert 0.98 < float(noise.max()) < 1
    painted[:, *block] = 2
    assert torch.equal(painted, volume)


def test_outside_only_the_windows_stay() -> None:
    volume = torch.full((2, *SHAPE), 2.0)
    blocks = ((slice(3, 30), slice(5, 25), slice(4, 20)), (slice(20, 50), slice(5, 25), slice(10, 24)))
    painted = paint(volume, Painting(outside=True, blocks=blocks, seed=1))
    kept = painted == 2
    expected = torch.zeros_like(kept)
    for block in blocks:
        expected[:, *block] = True
    assert torch.equal(kept, expected)
    assert float(painted[~kept].mean()) == pytest.approx(0.5, abs=0.01)


def test_a_scan_is_left_as_it_was_and_the_noise_can_be_replayed() -> None:
    volume = torch.full((1, *SHAPE), 2.0)
    painting = draw_painting(SHAPE, generator(), outside=True)
    assert torch.equal(paint(volume, painting), paint(volume, painting))
    assert torch.equal(volume, torch.full((1, *SHAPE), 2.0))


@pytest.mark.parametrize("outside", [False, True])
def test_the_smallest_volume_works_and_a_smaller_one_is_refused(outside: bool) -> None:
    draws = generator()
    for _ in range(50):
        draw_painting((14, 16, 15), draws, outside=outside)
    with pytest.raises(ConfigError, match="13x20x20"):
        draw_painting((13, 20, 20), draws, outside=outside)
