"""Shapes in annotations are checked while the tests run (`--jaxtyping-packages` in pyproject.toml)."""

import pytest
import torch
from jaxtyping import TypeCheckError

from medical_transformer.backbones.medical_transformer.slice_encoder import SliceEncoder
from medical_transformer.slices import BezierCurves, Plane, cut


def test_a_volume_without_a_channel_axis_is_noticed() -> None:
    with pytest.raises(TypeCheckError, match="volumes"):
        cut(torch.zeros(2, 3, 4, 5), Plane.AXIAL)


def test_a_volume_of_another_kind_of_number_is_noticed() -> None:
    with pytest.raises(TypeCheckError, match="volumes"):
        cut(torch.zeros(2, 1, 3, 4, 5, dtype=torch.int64), Plane.AXIAL)


def test_a_stack_without_a_slice_axis_is_noticed() -> None:
    with pytest.raises(TypeCheckError, match="stack"):
        SliceEncoder(1, 4, 8)(torch.zeros(2, 1, 40, 36))


def test_fields_that_do_not_fit_together_are_noticed() -> None:
    with pytest.raises(TypeCheckError):
        BezierCurves(torch.zeros(3, 2, 2), torch.zeros(4, dtype=torch.bool))
