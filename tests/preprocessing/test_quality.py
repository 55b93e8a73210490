import numpy as np
import pytest

from medical_transformer.cohorts import Verdict
from medical_transformer.preprocessing import quality
from medical_transformer.preprocessing.template import load_template
from medical_transformer.volumes import Volume

GOOD = {
    "brain_ml": 1450.0,
    "largest_piece_share": 1.0,
    "border_share": 0.0,
    "empty_share": 0.0,
    "longest_voxel_side_mm": 1.2,
    "template_correlation": 0.72,
    "scale_least": 0.98,
    "scale_most": 1.2,
    "determinant": 1.25,
    "centre_distance_mm": 1.0,
    "white_over_grey": 1.3,
    "grey_over_csf": 1.9,
}
BAD = [
    ("brain_ml", 700, Verdict.WARNED, "brain's volume"),
    ("brain_ml", 3900, Verdict.REFUSED, "brain's volume"),
    ("template_correlation", 0.1, Verdict.REFUSED, "correlation"),
    ("determinant", -1.2, Verdict.REFUSED, "determinant"),
    ("scale_most", 2.4, Verdict.REFUSED, "greatest scale"),
    ("border_share", 0.02, Verdict.WARNED, "border"),
    ("white_over_grey", 0.8, Verdict.WARNED, "white to grey"),
    ("empty_share", 0.05, Verdict.WARNED, "the scan is empty"),
    ("empty_share", 0.4, Verdict.REFUSED, "the scan is empty"),
    ("longest_voxel_side_mm", 6.0, Verdict.WARNED, "voxel side"),
]


def test_good_numbers_need_no_word() -> None:
    assert quality.judge(GOOD) == (Verdict.PREPARED, "")


@pytest.mark.parametrize(("quantity", "value", "verdict", "words"), BAD)
def test_each_bad_number_is_one_sentence(quantity: str, value: float, verdict: Verdict, words: str) -> None:
    judged, reason = quality.judge({**GOOD, quantity: value})
    assert judged is verdict
    assert words in reason
    assert reason.endswith(".")


def test_a_sentence_names_the_limit_that_decided() -> None:
    assert "below 0.45" in quality.judge({**GOOD, "template_correlation": 0.4})[1]
    assert "below 0.3" in quality.judge({**GOOD, "template_correlation": 0.1})[1]


def test_a_number_that_is_not_a_number_is_refused() -> None:
    assert quality.judge({**GOOD, "template_correlation": float("nan")})[0] is Verdict.REFUSED


def test_a_refusal_names_only_what_refuses() -> None:
    verdict, reason = quality.judge({**GOOD, "brain_ml": 700, "determinant": -1})
    assert verdict is Verdict.REFUSED
    assert "volume" not in reason


def test_every_limit_accepts_more_than_it_praises() -> None:
    for limit in quality.LIMITS:
        assert limit.possible[0] <= limit.good[0] < limit.good[1] <= limit.possible[1]


def test_a_mirroring_affine_has_a_negative_determinant() -> None:
    numbers = quality.measure_affine(np.diag([-1.1, 1.2, 1.0, 1.0]))
    assert numbers["determinant"] == pytest.approx(-1.32)
    assert (numbers["scale_least"], numbers["scale_most"]) == pytest.approx((1.0, 1.2))


def test_the_template_matches_itself_and_shows_t1_contrast() -> None:
    template = load_template()
    match = quality.measure_match(template.brain, template.mask, template)
    assert match["template_correlation"] == pytest.approx(1)
    assert match["centre_distance_mm"] == 0
    contrast = quality.measure_contrast(template.brain, template.mask, template)
    assert contrast["white_over_grey"] > 1.2
    assert contrast["grey_over_csf"] > 1.2


def test_an_inverted_contrast_is_noticed() -> None:
    template = load_template()
    inverted = np.where(template.mask.voxels, 255 - template.brain.voxels, 0)
    contrast = quality.measure_contrast(Volume(inverted, template.brain.grid), template.mask, template)
    assert contrast["white_over_grey"] < 1


def test_an_upside_down_brain_does_not_match() -> None:
    template = load_template()
    brain, mask = (Volume(v.voxels[:, :, ::-1].copy(), v.grid) for v in (template.brain, template.mask))
    numbers = quality.measure_match(brain, mask, template)
    assert quality.judge({**GOOD, **numbers})[0] is Verdict.REFUSED


def test_a_brain_cut_by_the_field_of_view_touches_its_border(brain: Volume) -> None:
    mask = (brain.voxels > 0)[:, :, 10:-10]
    grid = type(brain.grid)(mask.shape, brain.voxel_to_world)
    measured = quality.measure_native(Volume(mask, grid), Volume(brain.voxels[:, :, 10:-10], grid))
    assert measured["border_share"] > 0.05


@pytest.mark.parametrize("air", [0.0, -50.0])
def test_a_mask_that_runs_on_where_the_scan_is_blank_is_noticed(brain: Volume, air: float) -> None:
    mask = Volume(brain.voxels > 0, brain.grid)
    voxels = np.where(mask.voxels, 1 + brain.voxels, air)
    assert quality.measure_native(mask, Volume(voxels, brain.grid))["empty_share"] == 0
    voxels[:, :, voxels.shape[2] // 2 :] = air
    assert quality.measure_native(mask, Volume(voxels, brain.grid))["empty_share"] > 0.3
