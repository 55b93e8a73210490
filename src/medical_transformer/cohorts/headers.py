"""What a NIfTI or Analyze header claims: sides, voxel type, and where the voxels begin.

Only the few fields that tell whether a file can be whole are read here, in microseconds, because indexing
does it for every file; `volumes.read_volume` reads all of them and is stricter.
Source: the header structures of NIfTI-1, NIfTI-2 and Analyze 7.5, which NIfTI-1 kept in place.
"""

import struct
from dataclasses import dataclass

from medical_transformer.volumes.reading import FEWEST_SLICES

NIFTI_1, NIFTI_2 = 348, 540
COLOURS = frozenset({128, 2304})
COMPLEX = frozenset({32, 1792, 2048})
MOST_VOXELS = 2_000_000_000


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
