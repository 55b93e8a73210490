import pytest
import torch

from medical_transformer.slices import Plane, assemble, cut

SHAPE = (5, 7, 11)  # right, anterior, superior


def volumes() -> torch.Tensor:
    return torch.rand((2, 3, *SHAPE), generator=torch.Generator().manual_seed(0))


def marked(right: int, anterior: int, superior: int) -> torch.Tensor:
    scan = torch.zeros(1, 1, *SHAPE)
    scan[0, 0, right, anterior, superior] = 1
    return scan


def slice_that_shows(mark: torch.Tensor, plane: Plane) -> int:
    return int(cut(mark, plane).flatten(2).sum(dim=2).argmax())


@pytest.mark.parametrize("plane", Plane)
def test_assembling_undoes_cutting(plane: Plane) -> None:
    assert torch.equal(assemble(cut(volumes(), plane), plane), volumes())


@pytest.mark.parametrize("plane", Plane)
def test_cutting_undoes_assembling(plane: Plane) -> None:
    stack = torch.rand((2, 6, 3, 4, 5))
    assert torch.equal(cut(assemble(stack, plane), plane), stack)


@pytest.mark.parametrize("plane", Plane)
def test_cutting_copies_no_memory(plane: Plane) -> None:
    scan = volumes()
    assert cut(scan, plane).data_ptr() == scan.data_ptr()


def test_axial_slices_go_from_foot_to_head() -> None:
    assert slice_that_shows(marked(2, 3, 0), Plane.AXIAL) == 0
    assert slice_that_shows(marked(2, 3, 10), Plane.AXIAL) == 10


def test_sagittal_slices_go_from_left_to_right() -> None:
    assert slice_that_shows(marked(0, 3, 5), Plane.SAGITTAL) == 0
    assert slice_that_shows(marked(4, 3, 5), Plane.SAGITTAL) == 4


def test_coronal_slices_go_from_back_to_front() -> None:
    assert slice_that_shows(marked(2, 0, 5), Plane.CORONAL) == 0
    assert slice_that_shows(marked(2, 6, 5), Plane.CORONAL) == 6


@pytest.mark.parametrize(
    ("plane", "shape"),
    [
        (Plane.SAGITTAL, (2, 5, 3, 7, 11)),
        (Plane.CORONAL, (2, 7, 3, 5, 11)),
        (Plane.AXIAL, (2, 11, 3, 5, 7)),
    ],
)
def test_the_two_axes_inside_a_slice_keep_the_order_of_the_volume(plane: Plane, shape: tuple[int, ...]) -> None:
    assert cut(volumes(), plane).shape == shape


def test_a_slice_shows_the_voxels_of_its_place() -> None:
    scan = volumes()
    assert torch.equal(cut(scan, Plane.SAGITTAL)[1, 3], scan[1, :, 3])
    assert torch.equal(cut(scan, Plane.CORONAL)[1, 3], scan[1, :, :, 3])
    assert torch.equal(cut(scan, Plane.AXIAL)[1, 3], scan[1, :, :, :, 3])
