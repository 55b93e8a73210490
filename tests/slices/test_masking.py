import pytest
import torch

from medical_transformer.slices import draw_masks, masked_count


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize(("slices", "count"), [(96, 9), (114, 11)])
def test_the_paper_masks_9_of_96_and_11_of_114_slices(slices: int, count: int) -> None:
    assert masked_count(slices, 0.1) == count
    assert draw_masks(5, slices, 0.1, generator()).sum(dim=1).tolist() == [count] * 5


@pytest.mark.parametrize(("slices", "ratio", "count"), [(4, 0.1, 1), (4, 0.99, 3), (2, 0.5, 1)])
def test_at_least_one_slice_is_masked_and_one_is_left(slices: int, ratio: float, count: int) -> None:
    assert masked_count(slices, ratio) == count


def test_masks_differ_between_the_scans_of_a_batch() -> None:
    masks = draw_masks(8, 96, 0.1, generator())
    assert len({tuple(mask) for mask in masks.tolist()}) == 8


def test_every_slice_is_masked_equally_often_over_many_draws() -> None:
    often = draw_masks(20_000, 20, 0.1, generator()).float().mean(dim=0)
    torch.testing.assert_close(often, torch.full((20,), 0.1), atol=0.01, rtol=0)


def test_the_same_generator_draws_the_same_masks() -> None:
    assert torch.equal(draw_masks(3, 96, 0.1, generator(1)), draw_masks(3, 96, 0.1, generator(1)))
    assert not torch.equal(draw_masks(3, 96, 0.1, generator(1)), draw_masks(3, 96, 0.1, generator(2)))
