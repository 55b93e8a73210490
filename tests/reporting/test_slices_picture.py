"""Slices: left is left, foot is down, and colours are where the labels are."""

import io

import numpy as np
import pytest
from matplotlib.image import imread

from medical_transformer.errors import VolumeError
from medical_transformer.reporting import LabelStyle, slices_picture
from medical_transformer.reporting.slices_picture import fullest_voxel
from medical_transformer.volumes import Grid, Volume

SHAPE = (20, 26, 16)
RED = (LabelStyle(1, "Lesion", "#ff0000", "red"),)


def spotted(place: tuple[int, int, int]) -> tuple[Volume, Volume]:
    grid = Grid(SHAPE, np.diag([2.0, 2.0, 3.0, 1.0]))
    labels = np.zeros(SHAPE, dtype=np.int16)
    labels[tuple(slice(k - 1, k + 2) for k in place)] = 1
    voxels = np.zeros(SHAPE, dtype=np.float32)
    voxels[2:-2, 2:-2, 2:-2] = 0.2
    return Volume(voxels, grid), Volume(labels, grid)


def red_pixels(place: tuple[int, int, int], at_voxel: tuple[int, int, int]) -> np.ndarray:
    volume, labels = spotted(place)
    picture = slices_picture(volume, title="A", maps=[("Truth", labels)], labels=RED, at_voxel=at_voxel)
    pixels = imread(io.BytesIO(picture.png), format="png")
    height = int(0.93 * len(pixels))  # above the legend
    return (pixels[:height, :, 0] > 0.6) & (pixels[:height, :, 1] < 0.3)


def centre(mask: np.ndarray) -> tuple[float, float]:
    rows, columns = np.nonzero(mask)
    return rows.mean() / mask.shape[0], columns.mean() / mask.shape[1]


def test_left_is_left_and_up_is_up():
    # Cut so that only the axial slice goes through the lesion: the lowest row of the picture.
    left, right = (red_pixels((side, 13, 8), (10, 3, 8)) for side in (4, 15))
    assert centre(left)[1] < centre(right)[1]
    back, front = (red_pixels((10, depth, 8), (3, 13, 8)) for depth in (4, 21))
    assert centre(front)[0] < centre(back)[0]


def test_a_lesion_high_in_the_head_is_high_in_the_picture():
    low, high = (red_pixels((10, 13, height), (10, 3, 1)) for height in (5, 12))
    assert centre(high)[0] < centre(low)[0]


def test_cuts_go_through_the_fullest_slices():
    _, labels = spotted((4, 17, 9))
    right, anterior, superior = fullest_voxel([np.zeros_like(labels.voxels), labels.voxels])
    assert (right in (3, 4, 5), anterior in (16, 17, 18), superior in (8, 9, 10)) == (True, True, True)


def test_cuts_show_something_of_every_label():
    labels = np.zeros(SHAPE, dtype=np.int16)
    labels[2:10, 3:20, 2:12] = 1
    labels[2:12, 14:18, 7:13] = 1  # the largest is fullest where the others are not
    labels[12:14, 4:6, 3:5] = 2
    labels[2:5, 4:8, 3:5] = 3
    _, anterior, superior = fullest_voxel([labels])
    assert set(np.unique(labels[:, anterior])) == set(np.unique(labels[:, :, superior])) == {0, 1, 2, 3}


def test_the_alternative_text_gives_sides_and_volumes():
    volume, labels = spotted((4, 13, 8))
    picture = slices_picture(volume, title="A", maps=[("Truth", labels)], labels=RED)
    assert "left on the left" in picture.alternative
    assert "Lesion (red) 0.3 ml" in picture.alternative  # 27 voxels of 12 mm3
    assert picture.data_uri.startswith("data:image/png;base64,iVBOR")


def test_a_map_on_another_grid_is_refused():
    volume, _ = spotted((4, 13, 8))
    other = Volume(np.zeros((16, 26, 20)), Grid((16, 26, 20), np.eye(4)))
    with pytest.raises(VolumeError, match="'Truth'"):
        slices_picture(volume, title="A", maps=[("Truth", other)])


def test_an_empty_map_and_a_flat_volume_can_be_drawn():
    volume, labels = spotted((4, 13, 8))
    flat, empty = volume.with_voxels(volume.voxels * 0), labels.with_voxels(labels.voxels * 0)
    assert slices_picture(flat, title="A", maps=[("Truth", empty)]).png
