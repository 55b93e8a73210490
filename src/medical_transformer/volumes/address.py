"""Where an image is, and what its file leaves open: `BRATS_001.nii.gz[volume=2]`.

A path may end in brackets that say what the file cannot: which volume of a series is meant, along which axes
an Analyze pair is stored, or what the numbers of a label map stand for (docs/decisions/0009).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from medical_transformer.errors import VolumeError

ADDRESS = re.compile(r"^(?P<file>.+)\[(?P<said>(?:volume|axes|values)=[^\[\]]*)\]$", re.DOTALL)
AXES = re.compile(r"^(?=.*[LR])(?=.*[AP])(?=.*[IS])[LRAPIS]{3}$")


@dataclass(frozen=True, slots=True)
class Address:
    """A file and how it is to be read; written as a path, `maps/001.nii.gz[values=1>2,2>1,3>4]`.

    Attributes:
        file: the file itself; of an Analyze pair the `.img`.
        volume: which volume of a 4-D file, counted from 0.
        axes: where the stored axes of an Analyze pair point to, such as `ASL`: first axis to anterior, second to
            superior, third to left.
        values: number in a label map to the number that it stands for; others stay as they are.
    """

    file: Path
    volume: int | None = None
    axes: str = ""
    values: Mapping[int, int] = field(default_factory=dict)

    @classmethod
    def parse(cls, path: Path) -> Self:
        """Read a path with or without brackets.

        Raises:
            VolumeError: if the brackets begin as an address does, but cannot be understood.
        """
        found = ADDRESS.match(path.name)
        if found is None:
            return cls(path)
        file, (word, _, said) = path.with_name(found["file"]), found["said"].partition("=")
        if word == "volume" and said.isdecimal():
            return cls(file, volume=int(said))
        if word == "axes" and AXES.match(said):
            return cls(file, axes=said)
        if word == "values" and re.fullmatch(r"\d+>\d+(,\d+>\d+)*", said):
            pairs = (pair.split(">") for pair in said.split(","))
            return cls(file, values={int(old): int(new) for old, new in pairs})
        raise VolumeError(f"{path}: write [volume=2], [axes=ASL] or [values=1>2,2>1], not [{found['said']}].")

    @property
    def path(self) -> Path:
        """The address as a path, the inverse of `parse`."""
        if self.volume is not None:
            return self._with(f"volume={self.volume}")
        if self.axes:
            return self._with(f"axes={self.axes}")
        pairs = ",".join(f"{old}>{new}" for old, new in self.values.items())
        return self._with(f"values={pairs}") if pairs else self.file

    @property
    def files(self) -> tuple[Path, ...]:
        """The files that hold the image: header and voxels of an Analyze pair, else the one file."""
        return (self.file.with_suffix(".hdr"), self.file) if self.file.suffix == ".img" else (self.file,)

    def _with(self, said: str) -> Path:
        return self.file.with_name(f"{self.file.name}[{said}]")
