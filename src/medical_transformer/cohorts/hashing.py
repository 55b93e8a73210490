"""Which files hold the same bytes."""

import hashlib
from collections.abc import Iterable
from pathlib import Path

from medical_transformer.volumes import Address

HEX_DIGITS = 16


def hash_files(paths: Iterable[Path]) -> str:
    """Return the first 16 hex digits of the SHA-256 over the bytes of the files, one after another.

    Raises:
        OSError: if a file cannot be read.
    """
    digest = hashlib.sha256()
    for file in (file for path in paths for file in Address.parse(path).files):
        with file.open("rb") as opened:
            while block := opened.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()[:HEX_DIGITS]
