"""Reading a NIfTI file: completely, checked, and turned to RAS+."""

import gzip
import re
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
from nibabel import orientations
from nibabel.filebasedimages import ImageFileError
from nibabel.spatialimages import HeaderDataError
from nibabel.wrapstruct import WrapStructError

from medical_transformer.errors import VolumeError
from medical_transformer.volumes.address import Address
from medical_transformer.volumes.affines import Affine, affine_mm
from medical_transformer.volumes.grid import Grid
from medical_transformer.volumes.volume import Volume

# A head at 0.2 mm has fewer voxels than this; a header that claims more is damaged, and is refused before
# anything is allocated.
MOST_VOXELS = 2_000_000_000
FEWEST_SLICES = 8
CHUNK_BYTES = 1 << 22
SUFFIXES = (".nii", ".nii.gz", ".hdr", ".img")
LABELS = np.iinfo(np.int16)
# What nibabel raises on damaged bytes. A want of memory is not among them: it says nothing of the file.
DAMAGE = (HeaderDataError, ImageFileError, WrapStructError, OSError, EOFError, zlib.error, ValueError, OverflowError)


@dataclass(frozen=True, slots=True, eq=False)
class StoredGrid:
    """How a file stores its voxels, kept to write an answer on the very same grid.

    Attributes:
        shape: the file's own shape, in its own axis order.
        header: the file's header.
        affine: the file's own affine.
        orientation: nibabel's orientation array from the file's axes to RAS+.
    """

    shape: tuple[int, ...]
    header: Any
    affine: Any
    orientation: Any


def read_volume(path: Path) -> tuple[Volume, StoredGrid]:
    """Read a 3-D image to its last byte and turn it to RAS+.

    Args:
        path: the file, or an address such as `BRATS_001.nii.gz[volume=2]`.

    Returns:
        The volume (float32, scaled by the header's slope) and how the file stores it.

    Raises:
        VolumeError: naming the file, for anything that is not a readable, finite, varying 3-D image.
    """
    image = _open(path)
    voxels = _read_voxels(image, path)
    _check_intensities(voxels, path)
    return _to_ras(voxels, image, path)


def read_label_map(path: Path) -> tuple[Volume, StoredGrid]:
    """Read a map of labels (int16) to its last byte and turn it to RAS+.

    Raises:
        VolumeError: naming the file, also where the values are not whole numbers or too large for int16.
    """
    image = _open(path)
    voxels = _standing_for(_read_voxels(image, path), path)
    if not np.isfinite(voxels).all() or np.any(voxels != np.rint(voxels)):
        raise VolumeError(f"{path}: a label map must hold whole numbers only.")
    if voxels.min() < LABELS.min or voxels.max() > LABELS.max:
        raise VolumeError(f"{path}: labels must lie in {LABELS.min} to {LABELS.max}.")
    return _to_ras(voxels.astype(np.int16), image, path)


def _standing_for(voxels: Any, path: Path) -> Any:
    """Exchange the numbers of a label map for those that its address says they stand for."""
    values = Address.parse(path).values
    meant = voxels.copy() if values else voxels
    for old, new in values.items():
        meant[voxels == old] = new
    return meant


def _open(path: Path) -> Any:
    address = Address.parse(path)
    image = _load(address.file)
    if address.axes:
        return _analyze(image, address.axes, path)
    if address.volume is None:
        return image
    if len(image.shape) != 4 or address.volume >= image.shape[3]:
        raise VolumeError(f"{path}: the file has the sides {image.shape} and no volume {address.volume}.")
    return image.slicer[..., address.volume]


def _analyze(image: Any, axes: str, path: Path) -> Any:
    """Return an Analyze pair under the axes that its data set says it has; the header has no word for them."""
    if not isinstance(image, nibabel.AnalyzeImage) or isinstance(image, nibabel.Nifti1Pair):
        raise VolumeError(f"{path}: only an Analyze pair is given its axes; this file's header has its own.")
    turn = np.linalg.inv(orientations.inv_ornt_aff(orientations.axcodes2ornt(axes), image.shape[:3]))
    affine = np.eye(4)
    affine[:3, :3] = turn[:3, :3] @ np.diag(image.header.get_zooms()[:3])
    affine[:3, 3] = -affine[:3, :3] @ (np.array(image.shape[:3]) - 1) / 2  # the middle of the image is the origin
    return nibabel.Nifti1Image(image.dataobj, affine)


def _load(path: Path) -> Any:
    if not path.is_file():
        raise VolumeError(f"{path}: there is no such file.")
    if not path.name.lower().endswith(SUFFIXES):
        raise VolumeError(f"{path}: expected a NIfTI file ({', '.join(SUFFIXES[:2])}).")
    if not _is_of_one_case(path):
        raise VolumeError(f"{path}: spell the suffix in small letters ({', '.join(SUFFIXES[:2])}).")
    if path.stat().st_size == 0:
        raise VolumeError(f"{path}: the file is empty.")
    try:
        image = nibabel.load(path)
    except DAMAGE as error:
        raise VolumeError(f"{path}: not a NIfTI file, or its header is damaged ({_brief(error, path)}).") from error
    sides = tuple(int(side) for side in image.shape)
    if min(sides, default=0) < 1 or np.prod(sides, dtype=np.float64) > MOST_VOXELS:
        raise VolumeError(f"{path}: the header claims impossible sides {sides}; the file is damaged.")
    _check_stream(path)
    return image


def _is_of_one_case(path: Path) -> bool:
    """Tell whether nibabel opens this very file: where it is called `a.Nii`, it looks for `a.nii` instead."""
    suffix = (path if path.suffix.lower() != ".gz" else path.with_suffix("")).suffix
    return suffix in (suffix.lower(), suffix.upper())


def _check_stream(path: Path) -> None:
    """Decompress to the very end: only there a gzip stream tells whether its bytes are still those written.

    nibabel stops at the last voxel, so it takes a file with flipped bits for a good one.
    """
    if not path.name.lower().endswith(".gz"):
        return
    try:
        with gzip.open(path) as stream:
            while stream.read(CHUNK_BYTES):
                pass
    except EOFError as error:
        raise VolumeError(f"{path}: truncated, its compressed data stops in the middle; fetch it again.") from error
    except (OSError, zlib.error) as error:
        raise VolumeError(f"{path}: truncated or corrupt ({_brief(error, path)}).") from error


def _read_voxels(image: Any, path: Path) -> Any:
    shape = tuple(side for side in image.shape)
    while len(shape) > 3 and shape[-1] == 1:
        shape = shape[:-1]
    if len(shape) != 3:
        raise VolumeError(
            f"{path}: expected one 3-D volume but found {len(image.shape)} axes {image.shape}; "
            "extract one volume of the series first."
        )
    if min(shape) < FEWEST_SLICES:
        raise VolumeError(
            f"{path}: {shape} is too few slices for a volume; at least {FEWEST_SLICES} along each axis are needed."
        )
    if image.get_data_dtype().fields is not None or np.issubdtype(image.get_data_dtype(), np.complexfloating):
        raise VolumeError(f"{path}: colour or complex voxels are not an MRI intensity image.")
    try:
        voxels = np.asanyarray(image.dataobj, dtype=np.float32).reshape(shape)
    except DAMAGE as error:
        raise VolumeError(
            f"{path}: truncated or corrupt, the voxels cannot be read ({_brief(error, path)})."
        ) from error
    return voxels


def _check_intensities(voxels: Any, path: Path) -> None:
    broken = int(voxels.size - np.isfinite(voxels).sum())
    if broken:
        voxels_are = "voxel is" if broken == 1 else "voxels are"
        raise VolumeError(f"{path}: {broken} {voxels_are} NaN or infinite; repair or re-export the scan.")
    low, high = float(voxels.min()), float(voxels.max())
    if low == high:
        raise VolumeError(f"{path}: every voxel is {low:g}; the image is empty.")


def _to_ras(voxels: Any, image: Any, path: Path) -> tuple[Volume, StoredGrid]:
    affine = _affine_mm(image, path)
    orientation = orientations.io_orientation(affine)
    turned = np.ascontiguousarray(orientations.apply_orientation(voxels, orientation))
    to_ras = affine @ orientations.inv_ornt_aff(orientation, voxels.shape)
    stored = StoredGrid(tuple(voxels.shape), image.header.copy(), image.affine, orientation)
    return Volume(turned, Grid(turned.shape, to_ras)), stored


def _affine_mm(image: Any, path: Path) -> Affine:
    try:
        return affine_mm(image.affine, image.header)
    except VolumeError as error:
        raise VolumeError(f"{path}: {error}") from error


def _brief(error: Exception, path: Path) -> str:
    """Return the first line of what a library said, without the path that our message already begins with."""
    said = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    line = (said.splitlines() or ["without a reason"])[0]
    return re.sub(rf"(File )?['\"]?{re.escape(str(path))}['\"]?", "this file", line)[:160]
