"""Deformations are smooth and one-to-one."""

import numpy as np
import pytest

from medical_transformer.cohorts.phantoms.deformation import LATTICE, draw_person, flow, push_from
from medical_transformer.cohorts.phantoms.sampling import positions, sample
from medical_transformer.cohorts.phantoms.ventricles import growth_velocity, ventricle_map

POINTS = positions(LATTICE)[:, ::97][:, :2000]


@pytest.mark.parametrize(("seed", "growth_mm"), [(0, -2.0), (1, 0.0), (2, 3.0), (3, 5.0)])
def test_no_point_of_the_head_folds(seed, growth_mm):
    velocity = draw_person(2.0, np.random.default_rng(seed)) + growth_mm * growth_velocity()
    assert flow(velocity).jacobian().min() > 0.05


def test_people_differ_by_a_few_millimetres():
    moved = np.linalg.norm(flow(draw_person(2.0, np.random.default_rng(4))).displacement_mm, axis=0)
    assert 1.5 < np.median(moved) < 5.0
    assert moved.max() < 20.0


def test_flowing_there_and_back_changes_nothing():
    velocity = draw_person(2.0, np.random.default_rng(5))
    there_and_back = flow(-velocity).pull(flow(velocity).pull(POINTS))
    assert np.linalg.norm(there_and_back - POINTS, axis=0).mean() < 0.3


def test_growing_walls_make_larger_ventricles():
    points = positions(ventricle_map().grid)[:, ::23]
    sizes = [
        sample(ventricle_map(), flow(growth * growth_velocity()).pull(points), outside=0.0).sum()
        for growth in (-1.5, 0.0, 3.0)
    ]
    assert sizes[0] < 0.9 * sizes[1] < 0.9 * 0.8 * sizes[2]


def test_pushing_moves_tissue_away_from_the_centre():
    centre = (30.0, -20.0, 20.0)
    pushed = flow(push_from(centre, 15.0, 4.0))
    beside = np.array([[50.0], [-20.0], [20.0]], dtype=np.float32)
    assert 47.0 > pushed.pull(beside)[0, 0] > 40.0
    assert pushed.jacobian().min() > 0.1
