"""Models Genesis: the published rates over many draws, the order of the steps, and the loss."""

from collections.abc import Sequence

import pytest
import torch
from torch import Tensor, nn

from medical_transformer.contracts import Encoding
from medical_transformer.errors import CollapseError
from medical_transformer.pretraining import Restoration, UnlabelledBatch
from medical_transformer.pretraining.distortion import Distortion, distort, draw_distortion
from medical_transformer.pretraining.painting import Painting
from medical_transformer.pretraining.shuffling import Windows
from medical_transformer.slices import BezierCurves

from .conftest import Tiny

SHAPE = (16, 20, 14)
DRAWS = 1200


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


class Plain(nn.Module):
    """A decoder of one linear layer, on the finest map."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.linear = nn.Conv3d(channels, 1, 1)

    def forward(self, encoding: Encoding, shape: Sequence[int]) -> Tensor:
        """Reduce the last map to one channel at full resolution."""
        return nn.functional.interpolate(self.linear(encoding.maps[-1]), size=tuple(shape), mode="trilinear")


@pytest.fixture
def task(tiny: Tiny) -> Restoration:
    with torch.random.fork_rng():
        torch.manual_seed(1)
        return Restoration(tiny, Plain(4))


@pytest.fixture(scope="module")
def drawn() -> list[Distortion]:
    draws = generator()
    return [draw_distortion(SHAPE, draws) for _ in range(DRAWS)]


def share(told: list[bool]) -> float:
    return sum(told) / len(told)


def test_steps_are_left_out_at_the_published_rates(drawn: list[Distortion]) -> None:
    assert share([one.windows is not None for one in drawn]) == pytest.approx(0.5, abs=0.03)
    assert share([one.curve is not None for one in drawn]) == pytest.approx(0.9, abs=0.02)
    assert share([one.painting is not None for one in drawn]) == pytest.approx(0.9, abs=0.02)


def test_half_of_the_curves_invert_the_contrast(drawn: list[Distortion]) -> None:
    curves = [one.curve for one in drawn if one.curve is not None]
    assert share([bool(curve.inverted) for curve in curves]) == pytest.approx(0.5, abs=0.03)


def test_four_in_five_paintings_are_outside(drawn: list[Distortion]) -> None:
    paintings = [one.painting for one in drawn if one.painting is not None]
    assert share([painting.outside for painting in paintings]) == pytest.approx(0.8, abs=0.025)


def test_flips_follow_one_another_with_probability_04_up_to_three(drawn: list[Distortion]) -> None:
    for count, expected in enumerate((0.6, 0.24, 0.096, 0.064)):
        assert share([len(one.flips) == count for one in drawn]) == pytest.approx(expected, abs=0.025)
    axes = torch.tensor([axis for one in drawn for axis in one.flips])
    torch.testing.assert_close(torch.bincount(axes) / len(axes), torch.full((3,), 1 / 3), atol=0.03, rtol=0)


def test_the_steps_are_drawn_independently(drawn: list[Distortion]) -> None:
    told = torch.tensor(
        [[bool(o.flips), o.windows is not None, o.curve is not None, o.painting is not None] for o in drawn]
    )
    correlation = torch.corrcoef(told.float().T)
    assert float((correlation - torch.eye(4)).abs().max()) < 0.06


def test_a_flip_is_made_to_the_truth_too_and_nothing_else_is() -> None:
    volume = torch.rand((1, *SHAPE), generator=generator())
    straight = BezierCurves(torch.tensor([[[1 / 3, 1 / 3], [2 / 3, 2 / 3]]]), torch.tensor([True]))
    shown, truth = distort(volume, Distortion((0, 2), None, straight, None))
    assert torch.equal(truth, volume.flip((1, 3)))
    torch.testing.assert_close(shown, 1 - truth, atol=1e-3, rtol=0)


def test_the_painting_comes_last_and_the_shuffling_before_the_curve() -> None:
    volume = torch.rand((1, *SHAPE), generator=generator())
    block = (slice(3, 8), slice(3, 9), slice(4, 9))
    inverted = BezierCurves(torch.tensor([[[1 / 3, 1 / 3], [2 / 3, 2 / 3]]]), torch.tensor([True]))
    whole = Windows(torch.tensor([[0, 0, 0]]), torch.tensor([[6, 6, 3]]), seed=4)
    painting = Painting(outside=True, blocks=(block,), seed=2)
    shown, _ = distort(volume, Distortion((), whole, inverted, painting))
    step_by_step, _ = distort(volume, Distortion((), whole, None, None))
    step_by_step, _ = distort(step_by_step, Distortion((), None, inverted, None))
    step_by_step, _ = distort(step_by_step, Distortion((), None, None, painting))
    assert torch.equal(shown, step_by_step)
    noise = paint_of(painting)
    outside = torch.ones(SHAPE, dtype=torch.bool)
    outside[block] = False
    assert torch.equal(shown[0][outside], noise[0][outside])


def paint_of(painting: Painting) -> Tensor:
    return torch.rand((1, *SHAPE), generator=torch.Generator().manual_seed(painting.seed))


def test_a_draw_can_be_replayed_from_its_seed(task: Restoration, volumes: Tensor) -> None:
    one, again, other = (task.ask(volumes, generator(seed)) for seed in (1, 1, 2))
    assert all(torch.equal(first, second) for first, second in zip(one, again, strict=True))
    assert not torch.equal(one[0], other[0])


def test_the_loss_is_the_mean_squared_error_over_all_voxels(task: Restoration, batch: UnlabelledBatch) -> None:
    shown, truth = task.ask(batch.volumes, generator(3))
    with torch.no_grad():
        restored = torch.sigmoid(task.decoder(task.backbone(shown, maps=True), shown.shape[2:]))
        assert float(task(batch, generator(3))) == pytest.approx(float(((restored - truth) ** 2).mean()), rel=1e-5)


@torch.no_grad()
def test_validation_compares_with_one_grey_value_and_with_leaving_the_scan(
    task: Restoration, batch: UnlabelledBatch
) -> None:
    shown, truth = task.ask(batch.volumes, generator(3))
    task._restore = lambda _: (truth.mean().expand_as(truth), torch.eye(len(truth)))  # type: ignore[assignment, method-assign]
    numbers = task.validate([batch], generator(3))
    assert numbers["explained_variance"] == pytest.approx(0, abs=1e-4)
    task._restore = lambda _: (shown, torch.eye(len(truth)))  # type: ignore[assignment, method-assign]
    numbers = task.validate([batch], generator(3))
    assert numbers["explained_beyond_copying"] == pytest.approx(0, abs=1e-6)
    assert numbers["loss"] == pytest.approx(float((shown - truth).square().mean()), rel=1e-5)


def test_a_cube_of_the_published_size_can_be_cut(tiny: Tiny) -> None:
    task = Restoration(tiny, Plain(4), cube=(64, 64, 32))
    shown, truth = task.ask(torch.rand((2, 1, 70, 40, 36), generator=generator()), generator())
    assert shown.shape == truth.shape == (2, 1, 64, 40, 32)


def test_every_weight_that_is_used_learns(task: Restoration, batch: UnlabelledBatch) -> None:
    task(batch, generator()).backward()
    moved = {name for name, value in task.named_parameters() if value.grad is not None and bool(value.grad.any())}
    assert moved == {f"{part}.{kind}" for part in ("backbone.fine", "decoder.linear") for kind in ("weight", "bias")}


def test_the_loss_falls_on_one_scan(task: Restoration) -> None:
    places = torch.stack(torch.meshgrid(*(torch.linspace(-1, 1, side) for side in (24, 28, 20)), indexing="ij"))
    ball = (places.square().sum(dim=0) < 0.5).float()[None, None]
    batch = UnlabelledBatch(ball, ("one",))
    optimizer = torch.optim.Adam(task.parameters(), lr=0.03)
    losses = []
    for _ in range(15):
        optimizer.zero_grad()
        loss = task(batch, generator(1))
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.85 * losses[0]


@torch.no_grad()
def test_a_collapsed_encoder_is_named(task: Restoration, tiny: Tiny, batch: UnlabelledBatch) -> None:
    torch.nn.init.zeros_(tiny.coarse.weight)
    torch.nn.init.ones_(tiny.coarse.bias)
    with pytest.raises(CollapseError, match="collapsed"):
        task.validate([batch], generator())
