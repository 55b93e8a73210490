"""What earlier indexing found in the files of each scan, so that 50,000 unchanged scans are not read again.

A line per scan in `inspections.jsonl` of the cohort's folder holds size and times of every file. As in git's index,
files whose size, time of change and time of status are what they were hold the bytes they held. A file that was
changed less than two seconds before it was read gets no line: it could change again within a tick of a coarse clock.
A problem gets none either, so what was refused is always looked at again.
"""

import json
import os
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from medical_transformer.cohorts.inspection import Inspected
from medical_transformer.cohorts.scan import Scan
from medical_transformer.volumes import Address
from medical_transformer.volumes.whole_files import write_bytes

NAME = "inspections.jsonl"
# The first line: what other rules of inspection have found is not taken over.
RULES = '"inspections 2"'
COARSEST_CLOCK_NS = 2_000_000_000


@dataclass(frozen=True, slots=True)
class FileStates:
    """The files of a scan as the disk tells them, before they are read.

    Attributes:
        addresses: what is read, in order: images by the names of their modalities, then the segmentation.
        numbers: of every file size in bytes, and times of change and of status in nanoseconds.
        told_ns: when the disk was asked.
    """

    addresses: tuple[str, ...]
    numbers: tuple[int, ...]
    told_ns: int

    @classmethod
    def of(cls, scan: Scan, root: Path) -> Self | None:
        """Ask the disk; None where a file is not there."""
        paths = [scan.images[modality] for modality in sorted(scan.images)]
        paths += [scan.segmentation] if scan.segmentation else []
        told_ns = time.time_ns()
        try:
            # As text: making a Path takes longer than asking the disk does.
            found = [os.stat(f"{root}/{file}") for path in paths for file in Address.parse(path).files]  # noqa: PTH116
        except OSError:
            return None
        numbers = [number for one in found for number in (one.st_size, one.st_mtime_ns, one.st_ctime_ns)]
        return cls(tuple(path.as_posix() for path in paths), tuple(numbers), told_ns)

    @property
    def settled(self) -> bool:
        """Tell whether the files were old enough when the disk was asked that no change can hide in its clock."""
        times = (number for place, number in enumerate(self.numbers) if place % 3)
        return max(times) < self.told_ns - COARSEST_CLOCK_NS


Known = Mapping[tuple[str, ...], tuple[tuple[int, ...], Inspected]]


def load_inspections(folder: Path | None) -> Known:
    """Return addresses to file states and findings; nothing where no folder is given or none were kept."""
    path = folder / NAME if folder else None
    if path is None or not path.is_file():
        return {}
    try:
        rules, *lines = path.read_text(encoding="utf-8").splitlines()
        return dict(map(_entry, map(json.loads, lines))) if rules == RULES else {}
    except (ValueError, TypeError):  # a damaged file knows nothing: every scan is read again, and it is replaced
        return {}


def known_already(known: Known, states: FileStates | None) -> Inspected | None:
    """Return what was found earlier in files that have not changed since."""
    if states is None:
        return None
    numbers, found = known.get(states.addresses, ((), None))
    return found if numbers == states.numbers else None


def save_inspections(folder: Path, found: Iterable[tuple[FileStates | None, Inspected]]) -> None:
    """Write what was found in files that were settled and had no problem."""
    lines = (
        json.dumps([states.addresses, states.numbers, one.content_hash, one.voxels])
        for states, one in found
        if states is not None and states.settled and not one.problem
    )
    write_bytes(folder / NAME, "".join(f"{line}\n" for line in (RULES, *lines)).encode())


def _entry(line: list[Any]) -> tuple[tuple[str, ...], tuple[tuple[int, ...], Inspected]]:
    addresses, numbers, content_hash, voxels = line
    return tuple(addresses), (tuple(numbers), Inspected("", content_hash, tuple(voxels)))
