"""The three planes: cutting a volume into slices, and putting slices back (paper section 3.1)."""

from enum import StrEnum

from medical_transformer.shapes import SliceStack, VolumeBatch


class Plane(StrEnum):
    """A direction to cut along; its slices are numbered in the order of the axis they are cut along."""

    SAGITTAL = "sagittal"
    CORONAL = "coronal"
    AXIAL = "axial"

    @property
    def axis(self) -> int:
        """The spatial axis that numbers the slices: 0 right, 1 anterior, 2 superior."""
        return ("sagittal", "coronal", "axial").index(self.value)


def cut(volumes: VolumeBatch, plane: Plane) -> SliceStack:
    """View volumes as stacks of slices: sagittal from left to right, coronal from back to front, axial upwards.

    Inside a slice the two remaining axes keep their order. No memory is copied.
    """
    return volumes.movedim(2 + plane.axis, 1)


def assemble(stack: SliceStack, plane: Plane) -> VolumeBatch:
    """Put a stack back into volumes: the inverse of `cut`."""
    return stack.movedim(1, 2 + plane.axis)
