"""Writing a drawn volume the way a scanner would: in its own axis order, with a truthful header."""

from pathlib import Path

import nibabel
import numpy as np
from nibabel import orientations

from medical_transformer.cohorts.phantoms.pose import stored_orientation
from medical_transformer.volumes import StoredGrid, Volume, write_like
from medical_transformer.volumes.writing import SCANNER_SPACE


def stored_grid(volume: Volume, axes: str) -> StoredGrid:
    """Return how a file with the given axes (such as `PSR`) stores a RAS+ volume; sform and qform agree."""
    turn = stored_orientation(axes)
    affine = volume.voxel_to_world @ orientations.inv_ornt_aff(turn, volume.shape)
    shape = tuple(int(volume.shape[source]) for source in np.argsort(turn[:, 0]))
    header = nibabel.Nifti1Header()
    header.set_data_shape(shape)
    header.set_data_dtype(volume.voxels.dtype)
    header.set_qform(affine, code=SCANNER_SPACE)
    header.set_sform(affine, code=SCANNER_SPACE)
    header.set_xyzt_units("mm")
    return StoredGrid(shape, header, affine, orientations.io_orientation(affine))


def write_stored(volume: Volume, axes: str, path: Path) -> None:
    """Write a RAS+ volume with the given stored axes."""
    write_like(volume, stored_grid(volume, axes), path)
