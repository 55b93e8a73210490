"""Variations: drawn once, applied to scans and label maps alike."""

import pytest
import torch
from torch import Tensor

from medical_transformer.training.augmentation import (
    MAX_GAMMA,
    MAX_ROTATION_DEGREES,
    Variation,
    draw_variation,
    vary,
    vary_labels,
)

SHAPE = (12, 15, 10)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def volumes(scans: int = 2) -> Tensor:
    return torch.rand((scans, 2, *SHAPE), generator=generator())


def label_maps(scans: int = 2) -> Tensor:
    return torch.randint(4, (scans, *SHAPE), generator=generator(1))


def variation(scans: int = 2, *, mirrored: bool = False, shift: tuple[float, float, float] = (0, 0, 0)) -> Variation:
    pull = torch.cat([torch.eye(3), torch.tensor(shift)[:, None]], dim=1).expand(scans, 3, 4)
    return Variation(torch.full((scans,), mirrored), pull, torch.ones(scans))


def test_the_identity_changes_nothing() -> None:
    torch.testing.assert_close(vary(volumes(), variation()), volumes(), rtol=0, atol=2e-6)
    assert torch.equal(vary_labels(label_maps(), variation()), label_maps())


def test_a_mirror_image_exchanges_left_and_right_and_nothing_else() -> None:
    mirrored = vary(volumes(), variation(mirrored=True))
    torch.testing.assert_close(mirrored, volumes().flip(2), rtol=0, atol=2e-6)
    assert torch.equal(vary_labels(label_maps(), variation(mirrored=True)), label_maps().flip(1))


def test_only_the_mirrored_scans_of_a_batch_are_mirrored() -> None:
    some = variation()
    some = Variation(torch.tensor([True, False]), some.pull, some.gamma)
    varied = vary(volumes(), some)
    torch.testing.assert_close(varied[0], volumes()[0].flip(1), rtol=0, atol=2e-6)
    torch.testing.assert_close(varied[1], volumes()[1], rtol=0, atol=2e-6)


@pytest.mark.parametrize(("row", "axis"), [(0, 2), (1, 1), (2, 0)], ids=["superior", "anterior", "right"])
def test_a_shift_of_one_voxel_moves_one_axis_by_one_voxel(row: int, axis: int) -> None:
    shift = [0.0, 0.0, 0.0]
    shift[row] = 1 / SHAPE[axis]
    moved = vary(volumes(), variation(shift=(shift[0], shift[1], shift[2])))
    expected = volumes().roll(-1, dims=2 + axis)
    inside = SHAPE[axis] - 1
    torch.testing.assert_close(
        moved.narrow(2 + axis, 0, inside), expected.narrow(2 + axis, 0, inside), rtol=0, atol=1e-4
    )


@pytest.mark.parametrize(("one", "other"), [(0, 1), (0, 2), (1, 2)])
def test_a_turned_ellipsoid_keeps_the_lengths_of_its_axes(one: int, other: int) -> None:
    """Sides of 24, 40 and 32 voxels: what turns in shares of the sides shears."""
    shape, lengths = (24, 40, 32), torch.tensor([5.0, 7.0, 10.0])
    places = torch.stack(torch.meshgrid(*(torch.arange(side) - (side - 1) / 2 for side in shape), indexing="ij"))
    inside = ((places / lengths[:, None, None, None]).square().sum(0) < 1).float()
    angle = torch.tensor(0.5)
    turn = torch.eye(3)
    turn[one, one] = turn[other, other] = angle.cos()
    turn[one, other], turn[other, one] = -angle.sin(), angle.sin()
    pull = torch.cat([turn, torch.zeros(3, 1)], dim=1)[None]
    turned = vary(inside[None, None], Variation(torch.tensor([False]), pull, torch.ones(1)))[0, 0] > 0.5
    found = torch.linalg.eigvalsh(torch.cov(places.flatten(1), aweights=turned.flatten().double()))
    # A solid ellipsoid with a semi-axis a has the variance a^2 / 5 along it.
    torch.testing.assert_close((5 * found).sqrt().float(), lengths, rtol=0.03, atol=0)
    assert not torch.equal(turned, inside)


def test_what_comes_from_outside_is_background() -> None:
    moved = vary(volumes(), variation(shift=(0, 0, 0.5)))
    assert not moved[:, :, SHAPE[0] // 2 + 1 :].any()


def test_labels_move_with_their_scan() -> None:
    """A scan whose intensities are its labels stays so, wherever no border was interpolated."""
    labels = torch.zeros(1, *SHAPE, dtype=torch.int64)
    labels[0, 2:7, 4:12, 3:6] = 1
    drawn = draw_variation(1, generator(5))
    moved, moved_labels = vary(labels[:, None].float(), drawn)[:, 0], vary_labels(labels, drawn)
    assert not torch.equal(moved_labels, labels)
    sure = (moved < 0.2) | (moved > 0.85)
    assert torch.equal((moved > 0.5)[sure], (moved_labels == 1)[sure])
    assert float(sure.float().mean()) > 0.7


def test_labels_keep_their_values_and_their_kind() -> None:
    moved = vary_labels(label_maps(), draw_variation(2, generator()))
    assert moved.dtype == torch.int64
    assert set(moved.unique().tolist()) <= {0, 1, 2, 3}


def test_intensities_stay_between_0_and_1() -> None:
    varied = vary(volumes(8), draw_variation(8, generator()))
    assert float(varied.min()) >= 0
    assert float(varied.max()) <= 1


def test_gamma_keeps_black_and_white_and_bends_the_grey() -> None:
    grey = torch.tensor([0.0, 0.5, 1.0]).view(1, 1, 3, 1, 1).expand(1, 1, 3, 4, 5).contiguous()
    same_place = variation(1)
    bent = vary(grey, Variation(same_place.mirrored, same_place.pull, torch.tensor([2.0])))
    torch.testing.assert_close(bent[0, 0, :, 2, 2], torch.tensor([0.0, 0.25, 1.0]), rtol=0, atol=1e-5)


def test_the_same_draws_give_the_same_variation() -> None:
    one, other, third = (draw_variation(3, generator(seed)) for seed in (1, 1, 2))
    assert torch.equal(one.pull, other.pull)
    assert torch.equal(one.mirrored, other.mirrored)
    assert torch.equal(one.gamma, other.gamma)
    assert not torch.equal(one.pull, third.pull)


def test_half_of_the_scans_are_mirrored() -> None:
    assert float(draw_variation(4000, generator()).mirrored.float().mean()) == pytest.approx(0.5, abs=0.03)


def test_no_scan_is_mirrored_where_labels_tell_left_from_right() -> None:
    plain, free = draw_variation(50, generator(), mirror=False), draw_variation(50, generator())
    assert not bool(plain.mirrored.any())
    assert torch.equal(plain.pull, free.pull)


def test_variations_are_small() -> None:
    drawn = draw_variation(500, generator())
    assert float(drawn.gamma.log().abs().max()) <= MAX_GAMMA
    # Three turns of at most 8 degrees and a zoom of 6 %.
    turned = torch.linalg.matrix_norm(drawn.pull[:, :, :3] - torch.eye(3), ord=2)
    assert float(turned.max()) < 3 * MAX_ROTATION_DEGREES * 3.1416 / 180 + 0.07
    assert float(drawn.pull[:, :, 3].abs().max()) <= 0.02


def test_a_scan_is_left_as_it_was() -> None:
    given = volumes()
    vary(given, draw_variation(2, generator()))
    assert torch.equal(given, volumes())
