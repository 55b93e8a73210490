"""One pass over the files of a scan: are they whole, what are their bytes, what are their voxels.

Every byte must be read for the content hash, so the same pass decompresses, which alone shows a gzip file to
be complete, and hashes the voxels, by which the same scan is found again in another wrapping.
"""

import hashlib
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Protocol

from medical_transformer.cohorts.hashing import HEX_DIGITS
from medical_transformer.cohorts.headers import NIFTI_2, read_header, why_no_head, why_no_place
from medical_transformer.cohorts.scan import Scan
from medical_transformer.volumes import Address

BLOCK = 1 << 18
GZIP = b"\x1f\x8b"


class Digest(Protocol):
    """What takes bytes, as the hashes of hashlib do."""

    def update(self, data: bytes, /) -> None:
        """Take the next bytes."""
        ...


@dataclass(frozen=True, slots=True)
class Inspected:
    """What one pass over the files of a scan found.

    Attributes:
        problem: why the scan cannot be used, one sentence that names the file; empty where it can.
        content_hash: the first 16 hex digits of the SHA-256 over the image files.
        voxels: of every image file a hash of its voxels, sides and type, whatever header and compression lie around.
    """

    problem: str = ""
    content_hash: str = ""
    voxels: tuple[str, ...] = ()


class _UnusableError(Exception):
    """Why a file cannot be used, to be continued after its name."""


class _Nothing:
    """Takes bytes and forgets them."""

    def update(self, data: bytes, /) -> None:
        """Forget."""


def inspect_scan(scan: Scan, root: Path) -> Inspected:
    """Read every file of a scan once, images in the order of their modalities' names, each file only once."""
    digest = hashlib.sha256()
    seen: dict[Path, str] = {}
    images = [Address.parse(scan.images[modality]) for modality in sorted(scan.images)]
    maps = [Address.parse(scan.segmentation)] if scan.segmentation else []
    for address in [*images, *maps]:
        if address.file in seen and address.volume is None:
            continue
        taken = address.file in seen or address in maps
        try:
            seen[address.file] = _inspect(address, root, _Nothing() if taken else digest)
        except (OSError, zlib.error, _UnusableError) as problem:
            return Inspected(f"{address.file.as_posix()} {_told(problem)}.")
    voxels = tuple(dict.fromkeys(seen[address.file] for address in images))
    return Inspected("", digest.hexdigest()[:HEX_DIGITS], voxels)


def _told(problem: Exception) -> str:
    if isinstance(problem, FileNotFoundError):
        return "is a link to a file that is not there; fetch its content first"
    if isinstance(problem, OSError):
        return f"cannot be read ({problem.strerror}); check the disk and its permissions"
    return (
        "has damaged bytes, which cannot be decompressed or have the wrong checksum; fetch it again"
        if isinstance(problem, zlib.error)
        else str(problem)
    )


def _inspect(address: Address, root: Path, digest: Digest) -> str:
    """Read an image to its end and return the hash of its voxels."""
    of_pair = len(address.files) == 2
    blocks = _plain(root / address.files[-1], digest)
    if of_pair:
        head, first = (root / address.files[0]).read_bytes(), b""
        digest.update(head)
    else:
        head = first = _beginning(blocks)
    header = read_header(head, of_pair=of_pair)
    if header is None:
        raise _UnusableError("does not begin with a NIfTI header, so it is no image whatever its name says")
    wrong = why_no_head(header, address.volume) or why_no_place(head, address.axes)
    if wrong:
        raise _UnusableError(wrong)
    voxels = hashlib.sha256(repr((header.sides, header.datatype)).encode())
    length = _feed(chain([first], blocks), header.begin, voxels)
    missing = header.begin + header.voxel_bytes - length
    if missing > 0:
        raise _UnusableError(f"is cut short: {missing} bytes of its voxels are missing; fetch it again")
    return voxels.hexdigest()


def _beginning(blocks: Iterator[bytes]) -> bytes:
    """Take blocks until they hold a header, or all of a file that is shorter."""
    begin = b""
    while len(begin) < NIFTI_2 and (block := next(blocks, None)) is not None:
        begin += block
    return begin


def _feed(blocks: Iterator[bytes], begin: int, digest: Digest) -> int:
    """Hash what follows the first bytes, and return how many bytes there were in all."""
    length = 0
    for block in blocks:
        digest.update(block[max(begin - length, 0) :])
        length += len(block)
    return length


def _plain(path: Path, digest: Digest) -> Iterator[bytes]:
    """Yield a file's bytes, decompressed where it is a .gz, and give the bytes on disk to the digest."""
    with path.open("rb") as file:
        blocks = _read(file.read, digest)
        first = next(blocks, b"")
        _refuse_wrong_name(path.name.lower(), first)
        blocks = chain([first], blocks)
        yield from _decompressed(blocks) if path.name.lower().endswith(".gz") else blocks


def _refuse_wrong_name(name: str, first: bytes) -> None:
    named_gz, is_gz = name.endswith(".gz"), first.startswith(GZIP)
    if not first:
        raise _UnusableError("is empty (0 bytes); fetch it again")
    if named_gz and not is_gz:
        raise _UnusableError(
            "is called .gz but is not compressed with gzip; fetch it again, or give it the name of what it is"
        )
    if is_gz and name.endswith(".nii"):
        raise _UnusableError("is compressed with gzip; call it .nii.gz")


class _Read(Protocol):
    def __call__(self, size: int, /) -> bytes: ...


def _read(read: _Read, digest: Digest) -> Iterator[bytes]:
    while block := read(BLOCK):
        digest.update(block)
        yield block


def _decompressed(blocks: Iterator[bytes]) -> Iterator[bytes]:
    """Decompress to the end of the last gzip member; zlib compares each member's checksum.

    A file may consist of several members and end in zero bytes, as the format allows.
    """
    member = zlib.decompressobj(31)
    for block in blocks:
        while block:
            if member.eof:
                block = block.lstrip(b"\0")  # noqa: PLW2901
                member = zlib.decompressobj(31) if block else member
            if block:
                yield member.decompress(block)
                block = member.unused_data  # noqa: PLW2901
    if not member.eof:
        raise _UnusableError("is cut short: its compressed data stops in the middle; fetch it again")
