"""Truth and answers side by side."""

import io

import matplotlib.image
import numpy as np
import pytest

from medical_transformer.errors import VolumeError
from medical_transformer.reporting import LabelStyle, methods_picture
from medical_transformer.volumes import Grid, Volume


def pixels(picture) -> np.ndarray:
    return matplotlib.image.imread(io.BytesIO(picture.png))[..., :3]


def share_of(picture, colour: tuple[int, int, int]) -> float:
    """Return the share of the upper picture, above the legend, that is near a colour."""
    image = pixels(picture)
    near = np.abs(image[: int(0.88 * len(image))] - np.array(colour) / 255).max(axis=2) < 0.25
    return float(near.mean())


def test_every_answer_has_a_tile_and_a_missed_tumour_shows_no_colour(drawn_head):
    head, truth, predicted = drawn_head
    nothing = Volume(np.zeros_like(truth.voxels), truth.grid)
    green = (47, 191, 143)
    found = methods_picture(head, truth, [("Found", predicted), ("Missed", nothing)], title="A")
    missed = methods_picture(head, truth, [("Missed", nothing), ("Missed too", nothing)], title="A")
    assert share_of(found, green) > 1.5 * share_of(missed, green) > 0
    assert "Found, Missed" in found.alternative


def test_many_methods_take_several_rows(drawn_head):
    head, truth, predicted = drawn_head
    few = methods_picture(head, truth, [("A", predicted)], title="A")
    many = methods_picture(head, truth, [(str(k), predicted) for k in range(7)], title="A")
    assert pixels(many).shape[0] > 2 * pixels(few).shape[0]


def test_any_regions_can_be_shown_on_any_plane(drawn_head):
    head, truth, _ = drawn_head
    styles = (LabelStyle(1, "Ventricles", "#ffff00"), LabelStyle(4, "White matter", "#ff00ff"))
    picture = methods_picture(head, truth, [], title="A", labels=styles, plane="Coronal")
    assert "Coronal" in picture.alternative
    assert share_of(picture, (255, 0, 255)) > 0


def test_a_map_of_another_grid_and_an_unknown_plane_are_refused(drawn_head):
    head, truth, _ = drawn_head
    small = Volume(np.zeros((3, 4, 5), dtype=np.int16), Grid((3, 4, 5), np.eye(4)))
    with pytest.raises(VolumeError, match="'Bad'"):
        methods_picture(head, truth, [("Bad", small)], title="A")
    with pytest.raises(VolumeError, match="'Oblique'"):
        methods_picture(head, truth, [], title="A", plane="Oblique")
