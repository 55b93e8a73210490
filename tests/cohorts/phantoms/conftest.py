"""Coarse heads draw quickly and keep every property; a tumour's thin rim needs 2 mm."""

import pytest

from medical_transformer.cohorts.phantoms import Acquisition, DrawnHead, DrawnTumour, draw_head, draw_tumour


@pytest.fixture(scope="session")
def coarse() -> Acquisition:
    """Sides and spacings that differ on every axis, so that a swapped axis cannot pass."""
    return Acquisition(spacing_mm=(4.4, 3.6, 4.0), field_of_view_mm=(198.0, 242.0, 248.0), axes="PSR")


@pytest.fixture(scope="session")
def head(coarse: Acquisition) -> DrawnHead:
    return draw_head(7, acquisition=coarse)


@pytest.fixture(scope="session")
def left_tumour() -> DrawnTumour:
    return draw_tumour(3, grade="HGG", side="left", spacing_mm=2.0)
