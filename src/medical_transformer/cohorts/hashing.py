"""Which scans hold the same bytes: a hash of their image files."""

import hashlib
from collections.abc import Iterable
from pathlib import Path

from medical_transformer.cohorts.scan import Scan

HEX_DIGITS = 16


def hash_files(paths: Iterable[Path]) -> str:
    """Return the first 16 hex digits of the SHA-256 over the bytes of the files, one after another.

    Raises:
        OSError: if a file cannot be read.
    """
    digest = hashlib.sha256()
    for path in paths:
        with path.open("rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()[:HEX_DIGITS]


def hash_scan(scan: Scan, root: Path) -> str:
    """Return the content hash of a scan: its image files in the order of their modalities' names.

    Raises:
        OSError: if a file cannot be read.
    """
    return hash_files(root / scan.images[modality] for modality in sorted(scan.images))


def same_content(scans: Iterable[Scan]) -> tuple[tuple[Scan, ...], ...]:
    """Return the groups of scans that hold the same bytes under different names."""
    groups: dict[str, list[Scan]] = {}
    for scan in scans:
        if scan.content_hash:
            groups.setdefault(scan.content_hash, []).append(scan)
    return tuple(tuple(group) for group in groups.values() if len(group) > 1)
