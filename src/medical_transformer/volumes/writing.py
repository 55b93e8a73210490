"""Writing a NIfTI file: aside first, then renamed, so that no half-written file stands under its name."""

from pathlib import Path
from typing import Any

import nibabel
import numpy as np
from nibabel import orientations

from medical_transformer.volumes.reading import StoredGrid
from medical_transformer.volumes.volume import Volume
from medical_transformer.volumes.whole_files import whole_file

MNI_SPACE, SCANNER_SPACE = 4, 1


def write_volume(volume: Volume, path: Path, *, space_code: int = SCANNER_SPACE) -> None:
    """Write a volume as NIfTI-1 in RAS+ (`space_code`: 1 scanner, 4 MNI)."""
    image = nibabel.Nifti1Image(_storable(volume.voxels), volume.voxel_to_world)
    image.set_sform(volume.voxel_to_world, code=space_code)
    image.set_qform(volume.voxel_to_world, code=space_code, strip_shears=True)
    image.header.set_xyzt_units("mm")
    _save(image, path)


def write_like(volume: Volume, stored: StoredGrid, path: Path) -> None:
    """Write a RAS+ volume on the grid of the file that `stored` describes, with that file's header kept.

    The inverse of `read_volume`: what was read and written again has the same shape, axes and affine.
    """
    back = orientations.ornt_transform(np.array([[0, 1], [1, 1], [2, 1]]), orientations.io_orientation(stored.affine))
    voxels = _storable(orientations.apply_orientation(volume.voxels, back))
    header = stored.header.copy()
    header.set_data_dtype(voxels.dtype)
    header.set_slope_inter(1.0, 0.0) if hasattr(header, "set_slope_inter") else None
    _save(nibabel.Nifti1Image(voxels, stored.affine, header), path)


def _storable(voxels: Any) -> Any:
    """Return the voxels in a type that NIfTI-1 readers everywhere understand."""
    if voxels.dtype == np.bool_:
        return voxels.astype(np.uint8)
    if voxels.dtype == np.int64:
        return voxels.astype(np.int32)
    return voxels.astype(np.float32) if voxels.dtype == np.float64 else voxels


def _save(image: Any, path: Path) -> None:
    with whole_file(path) as aside:
        nibabel.save(image, aside)
