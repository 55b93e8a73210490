"""Age, sex and disease do to drawn brains what they do to brains."""

from dataclasses import replace

import numpy as np
import pytest

from medical_transformer.cohorts.phantoms import Acquisition, HeadParameters, draw_head, draw_parameters, render_head

COARSE = Acquisition(spacing_mm=(4.4, 3.6, 4.0), field_of_view_mm=(180.0, 220.0, 200.0))
AGES = np.linspace(22.0, 84.0, 7)
HEALTHY = HeadParameters(age_years=70.0, sex="female", anatomy_seed=5)


@pytest.fixture(scope="module")
def volumes_by_age():
    random = np.random.default_rng(11)
    drawn = [draw_head(random, age_years=float(age), acquisition=COARSE).truth.volumes_ml for age in AGES]
    return {name: np.array([volumes[name] for volumes in drawn]) for name in drawn[0]}


@pytest.mark.parametrize(("part", "at_least"), [("ventricles", 0.7), ("csf", 0.8)])
def test_the_share_of_csf_grows_with_age(volumes_by_age, part, at_least):
    assert np.corrcoef(AGES, volumes_by_age[part] / volumes_by_age["brain"])[0, 1] > at_least


def test_grey_matter_shrinks_with_age(volumes_by_age):
    assert np.corrcoef(AGES, volumes_by_age["grey"] / volumes_by_age["brain"])[0, 1] < -0.7


def test_volumes_are_those_of_people(volumes_by_age):
    assert 1000 < volumes_by_age["brain"].min() < volumes_by_age["brain"].max() < 2000
    assert 5 < volumes_by_age["ventricles"].min() < volumes_by_age["ventricles"].max() < 80


def test_the_hippocampus_of_one_person_shrinks_from_cn_to_mci_to_ad():
    sizes = []
    for share in (0.97, 0.82, 0.66):
        volumes = render_head(replace(HEALTHY, hippocampus_left_over=(share, share)), COARSE).truth.volumes_ml
        sizes.append(volumes["hippocampus_left"] + volumes["hippocampus_right"])
    assert sizes[0] > 1.07 * sizes[1] > 1.07 * 1.07 * sizes[2]


def test_losing_the_left_hippocampus_leaves_the_right_one_alone():
    whole = render_head(HEALTHY, COARSE).truth.volumes_ml
    lost = render_head(replace(HEALTHY, hippocampus_left_over=(0.4, 1.0)), COARSE).truth.volumes_ml
    assert lost["hippocampus_left"] < 0.7 * whole["hippocampus_left"]
    assert lost["hippocampus_right"] == pytest.approx(whole["hippocampus_right"])
    assert lost["csf"] > whole["csf"]
    assert lost["white"] == pytest.approx(whole["white"])


def test_diagnoses_differ_in_mean_and_overlap():
    random = np.random.default_rng(2)
    shares = {
        diagnosis: np.array(
            [
                np.mean(draw_parameters(random, age_years=72.0, diagnosis=diagnosis).hippocampus_left_over)
                for _ in range(200)
            ]
        )
        for diagnosis in ("CN", "MCI", "AD")
    }
    assert shares["CN"].mean() > shares["MCI"].mean() + 0.1 > shares["AD"].mean() + 0.2
    assert shares["CN"].min() < shares["MCI"].max()
    assert shares["MCI"].min() < shares["AD"].max()


def test_men_have_larger_heads_on_average_but_not_always():
    random = np.random.default_rng(3)
    sizes = {
        sex: np.array([np.mean(draw_parameters(random, sex=sex).pose.size) for _ in range(200)])
        for sex in ("female", "male")
    }
    assert sizes["male"].mean() > sizes["female"].mean() + 0.02
    assert sizes["female"].max() > np.median(sizes["male"])


def test_poses_stay_in_their_ranges():
    random = np.random.default_rng(4)
    poses = [draw_parameters(random).pose for _ in range(300)]
    assert np.abs([pose.rotation_degrees for pose in poses]).max() <= 15.0
    assert np.abs([pose.shift_mm for pose in poses]).max() <= 15.0
