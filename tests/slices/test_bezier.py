import numpy as np
import pytest
import torch

from medical_transformer.slices import BezierCurves, draw_curves, transform_intensities

CURVES = 200
# Straight to the far corner and back: the steepest curve that two points of the unit square can make.
STEEPEST = BezierCurves(torch.tensor([[[1.0, 0.0], [0.0, 1.0]]]), torch.tensor([False]))


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def bernstein(ends: tuple[float, float], inner: np.ndarray, along: np.ndarray) -> np.ndarray:
    """Evaluate a cubic Bezier polynomial by its four Bernstein terms."""
    points = [ends[0], inner[0], inner[1], ends[1]]
    terms = [(1 - along) ** 3, 3 * along * (1 - along) ** 2, 3 * along**2 * (1 - along), along**3]
    return np.asarray(sum(point * term for point, term in zip(points, terms, strict=True)))


def exact(intensities: np.ndarray, control: np.ndarray, *, inverted: bool) -> np.ndarray:
    """Send intensities through a curve given by its two inner points, one per row."""
    along = np.linspace(0, 1, 200_001)
    x = bernstein((0.0, 1.0), control[:, 0], along)
    y = bernstein((0.0, 1.0), control[:, 1], along)
    # An inverted curve is the rising one, walked along its ordinates from the other end.
    y = y[::-1] if inverted else y
    return np.interp(intensities, x, y)


def test_curves_rise_everywhere() -> None:
    table = draw_curves(CURVES, generator()).table()
    assert bool((table.diff(dim=1) >= 0).all())
    assert bool((table.diff(dim=1) > 0).float().mean() > 0.99)


def test_curves_keep_0_and_1() -> None:
    table = draw_curves(CURVES, generator()).table()
    torch.testing.assert_close(table[:, 0], torch.zeros(CURVES))
    torch.testing.assert_close(table[:, -1], torch.ones(CURVES))


def test_background_stays_exactly_0() -> None:
    background = torch.zeros(CURVES, 1, 2, 3, 4)
    assert torch.equal(transform_intensities(background, draw_curves(CURVES, generator())), background)


def test_curves_are_smooth() -> None:
    bends = draw_curves(CURVES, generator()).table().diff(n=2, dim=1).abs()
    # Only where a curve leaves a corner of the unit square upright does its slope change fast.
    assert float(bends[:, 20:-20].max()) < 0.005
    assert float(bends.mean()) < 1e-4


def test_even_the_steepest_curve_rises_without_a_step() -> None:
    # x(t) = 1/2 + 4 (t - 1/2)^3 passes an entry (1.5/2047) in 0.1 of t, where y rises at 1.5 per t.
    steps = STEEPEST.table().diff(dim=1)
    assert bool((steps >= 0).all())
    assert float(steps.max()) < 0.15


def test_inverted_curves_exchange_0_and_1_and_fall() -> None:
    table = draw_curves(CURVES, generator(), inverting=1.0).table()
    torch.testing.assert_close(table[:, 0], torch.ones(CURVES))
    torch.testing.assert_close(table[:, -1], torch.zeros(CURVES))
    assert bool((table.diff(dim=1) <= 0).all())


def test_sorting_ordinates_changes_no_curve() -> None:
    """Models Genesis sorts only the abscissae of an inverting curve, and both coordinates of a rising one."""
    along = np.linspace(0, 1, 1001)
    drawn = draw_curves(CURVES, generator()).control.double().numpy()
    corners = np.array([[[a, c], [b, d]] for a in (0, 1) for b in (0, 1) for c in (0, 1) for d in (0, 1)])
    for control in (*drawn, *corners):
        y = bernstein((0.0, 1.0), control[:, 1], along)
        np.testing.assert_allclose(y, np.sort(y), atol=1e-12)


def test_no_curve_is_inverted_unless_it_is_asked_for() -> None:
    assert not bool(draw_curves(CURVES, generator()).inverted.any())


def test_the_share_of_inverted_curves_is_the_one_asked_for() -> None:
    share = draw_curves(4000, generator(), inverting=0.5).inverted.float().mean()
    assert float(share) == pytest.approx(0.5, abs=0.03)


def test_the_same_generator_draws_the_same_curves() -> None:
    one, other = draw_curves(6, generator(3), inverting=0.5), draw_curves(6, generator(3), inverting=0.5)
    assert torch.equal(one.control, other.control)
    assert torch.equal(one.inverted, other.inverted)
    assert not torch.equal(one.control, draw_curves(6, generator(4)).control)


def test_every_scan_has_a_curve_of_its_own() -> None:
    table = draw_curves(6, generator()).table()
    assert len({tuple(row) for row in table.tolist()}) == 6


@pytest.mark.parametrize("inverting", [0.0, 1.0])
def test_a_transformed_scan_equals_its_curve_computed_point_by_point(inverting: float) -> None:
    volumes = torch.rand((12, 2, 5, 7, 11), generator=generator(1))
    curves = draw_curves(12, generator(), inverting=inverting)
    transformed = transform_intensities(volumes, curves)
    for scan in range(12):
        inverted = bool(curves.inverted[scan])
        truth = exact(volumes[scan].double().numpy(), curves.control[scan].double().numpy(), inverted=inverted)
        np.testing.assert_allclose(transformed[scan].numpy(), truth, atol=2e-3)


@pytest.mark.parametrize("inverted", [False, True])
@pytest.mark.parametrize(
    "control",
    [[[0.0, 1.0], [0.0, 1.0]], [[1.0, 0.0], [1.0, 0.0]], [[0.0, 1.0], [1.0, 0.0]], [[1e-3, 0.9], [0.2, 0.95]]],
    ids=["upright at 0", "upright at 1", "upright at both", "steep"],
)
def test_the_steepest_curves_are_followed_between_the_entries_of_the_table(
    control: list[list[float]], inverted: bool
) -> None:
    """Most curves bend least where intensities are read from equidistant entries; these leave a corner upright."""
    ends = np.geomspace(1e-5, 1e-2, 200)
    intensities = np.concatenate([ends, np.linspace(0.01, 0.99, 2000), 1 - ends[::-1]])
    curve = BezierCurves(torch.tensor([control]), torch.tensor([inverted]))
    found = transform_intensities(torch.tensor(intensities, dtype=torch.float32).view(1, 1, -1, 8, 2), curve)
    truth = exact(intensities, np.array(control), inverted=inverted)
    np.testing.assert_allclose(found.flatten().numpy(), truth, atol=2e-3)


def test_an_order_of_intensities_survives() -> None:
    ramp = torch.linspace(0, 1, 3 * 5 * 8).view(1, 1, 3, 5, 8)
    transformed = transform_intensities(ramp, draw_curves(1, generator())).flatten()
    assert bool((transformed.diff() > 0).all())


def test_a_curve_leaves_the_scan_it_was_given_alone() -> None:
    volumes = torch.rand((2, 1, 3, 4, 5))
    before = volumes.clone()
    transform_intensities(volumes, draw_curves(2, generator()))
    assert torch.equal(volumes, before)
