"""What a NIfTI or Analyze header claims: sides, voxel type, where the voxels begin, and where they are in the head.

The few fields that tell whether a file can be whole are read here; nibabel reads those of the affine, by the rules of
`volumes.read_volume`, so that no scan is called used that preparation would refuse for its header.
Source: the header structures of NIfTI-1, NIfTI-2 and Analyze 7.5, which NIfTI-1 kept in place.
"""

import logging
import struct
from dataclasses import dataclass
from typing import Any

import nibabel
import numpy as np

from medical_transformer.errors import VolumeError
from medical_transformer.volumes.affines import affine_mm, check_affine
from medical_transformer.volumes.reading import DAMAGE, FEWEST_SLICES

NIFTI_1, NIFTI_2 = 348, 540
COLOURS = frozenset({128, 2304})
COMPLEX = frozenset({32, 1792, 2048})
MOST_VOXELS = 2_000_000_000
# nibabel mends small errors of a header and tells its logger of each.
QUIET = logging.Logger("quiet", logging.CRITICAL + 1)


@dataclass(frozen=True, slots=True)
class Header:
    """The claims of a header.

    Attributes:
        sides: voxels along each axis, axes of one volume at the end left out.
        datatype: the format's number for the type of a voxel.
        begin: byte at which the voxels begin in the file that holds them.
        voxel_bytes: bytes that all voxels take.
    """

    sides: tuple[int, ...]
    datatype: int
    begin: int
    voxel_bytes: int


def read_header(head: bytes, *, of_pair: bool) -> Header | None:
    """Read the first bytes of a file; None where they are no header.

    Args:
        head: at least the first 540 bytes of the file, or all of it where it is shorter.
        of_pair: whether this is the `.hdr` of a pair, whose voxels begin at the start of the other file.
    """
    order = _byte_order(head)
    if order is None:
        return None
    if struct.unpack_from(order + "i", head)[0] == NIFTI_1:
        dim, (datatype, bits) = struct.unpack_from(order + "8h", head, 40), struct.unpack_from(order + "hh", head, 70)
        begin, magic = struct.unpack_from(order + "f", head, 108)[0], head[344:348] in {b"n+1\0", b"ni1\0"}
    else:
        dim, (datatype, bits) = struct.unpack_from(order + "8q", head, 16), struct.unpack_from(order + "hh", head, 12)
        begin, magic = struct.unpack_from(order + "q", head, 168)[0], head[4:8] in {b"n+2\0", b"ni2\0"}
    if not (magic or of_pair) or not 1 <= dim[0] <= 7 or not 0 <= begin < 1 << 31:
        return None
    sides = dim[1 : dim[0] + 1]
    while len(sides) > 3 and sides[-1] == 1:
        sides = sides[:-1]
    count = 1
    for side in sides:
        count *= max(side, 0)
    return Header(tuple(sides), datatype, int(begin), count * bits // 8)


def _byte_order(head: bytes) -> str | None:
    for order in "<>":
        if len(head) >= NIFTI_1:
            size = struct.unpack_from(order + "i", head)[0]
            if size == NIFTI_1 or (size == NIFTI_2 and len(head) >= NIFTI_2):
                return order
    return None


def why_no_head(header: Header, volume: int | None) -> str:
    """Return what in a header cannot be an image of a head, or an empty text.

    Args:
        header: the header.
        volume: which volume of a series is meant; None where the file must hold just one.
    """
    shown = " x ".join(map(str, header.sides))
    series = header.sides[3] if len(header.sides) == 4 else 0
    if volume is not None and volume >= series:
        return f"has the sides {shown} and no volume {volume}"
    if volume is None and len(header.sides) != 3:
        return f"has the sides {shown}, and one 3-D image is needed; extract one volume of the series first"
    count = 1
    for side in header.sides:
        count *= side
    if min(header.sides) < 1 or count > MOST_VOXELS:
        return f"claims the impossible sides {shown}; fetch it again"
    if min(header.sides[:3]) < FEWEST_SLICES:
        return f"has the sides {shown}; at least {FEWEST_SLICES} voxels along each axis are needed for a volume"
    kind = "colour" if header.datatype in COLOURS else "complex" if header.datatype in COMPLEX else ""
    return f"has {kind} voxels, which are no MRI intensities; export the plain image" if kind else ""


def why_no_place(head: bytes, axes: str) -> str:
    """Return why a header does not say where its voxels are, or an empty text.

    Args:
        head: the first bytes of the file, a header.
        axes: the axes that the data set gives an Analyze pair, whose header has no word for them; else empty.
    """
    try:
        header = _with_all_fields(head, analyze=bool(axes))
        sizes = header["pixdim"][1:4]
        if (axes or not header["sform_code"]) and not (np.isfinite(sizes) & (sizes != 0)).all():
            check_affine(np.diag([*sizes.astype(float), 1.0]))  # before nibabel takes 1 mm for 0
        header.check_fix(QUIET)
        if axes:
            check_affine(np.diag([*map(float, header.get_zooms()[:3]), 1.0]))
        else:
            affine_mm(header.get_best_affine(), header)
    except VolumeError as error:
        return f"has no place in space: {str(error).removesuffix('.')}"
    except DAMAGE as error:
        return f"has a damaged header ({error}); fetch it again"
    return ""


def _with_all_fields(head: bytes, *, analyze: bool) -> Any:
    kind = nibabel.AnalyzeHeader if analyze else nibabel.Nifti1Header
    if struct.unpack_from(f"{_byte_order(head)}i", head)[0] == NIFTI_2:
        kind = nibabel.Nifti2Header
    return kind(head[: kind.template_dtype.itemsize], check=False)
