"""One small file per data set: how it lies on disk and what its table says.

A reader is a module with the three names of `Reader`. To add one, write its file and name it in `READERS`,
before any reader that would also recognise its folders.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

from medical_transformer.cohorts.indexed import Indexed
from medical_transformer.cohorts.readers import (
    abide,
    adni,
    adni_dicom,
    bids,
    brats,
    camcan,
    dicom,
    folder,
    ixi,
    msd,
    oasis,
)


class Reader(Protocol):
    """What a module in this folder offers."""

    name: str

    def recognises(self, source: Path, files: Sequence[Path]) -> bool:
        """Tell from the names of its files, relative to it, whether a folder lies as this data set does."""
        ...

    def read(self, source: Path, files: Sequence[Path], table: Path | None) -> Indexed:
        """Read the folder; `table` overrides the table that would be found by its name."""
        ...


READERS: tuple[Reader, ...] = (ixi, brats, msd, oasis, adni, adni_dicom, abide, camcan, bids, folder, dicom)

# Those that convert images, into a folder that they are given.
CONVERTERS = (adni_dicom, dicom)

# What is usually taken of a data set, where nothing else is asked; a scan of which it is not known stays.
USUAL: Mapping[str, tuple[str, ...]] = {abide.name: abide.usual}

__all__ = ["CONVERTERS", "READERS", "USUAL", "Reader"]
