"""What file names say: which modality an image is, and which images belong together."""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from medical_transformer.cohorts.files import file_safe, stem_of

MAP = "map"
BRAIN_MASK = "brain mask"
KINDS = {
    "T1w": ("t1", "t1w", "t1n", "mprage", "mpr", "spgr"),
    "T1ce": ("t1ce", "t1c", "t1gd", "t1post", "t1contrast", "t1km"),
    "T2w": ("t2", "t2w"),
    "FLAIR": ("flair", "t2flair", "t2f"),
    MAP: ("seg", "segm", "segmentation", "lesion", "lesions", "label", "labels", "mask", "masks", "tumor", "tumour"),
    BRAIN_MASK: ("brainmask",),
}
KIND_OF_WORD = {word: kind for kind, words in KINDS.items() for word in words}


@dataclass(frozen=True, slots=True)
class NamedImage:
    """An image file and what its name says.

    Attributes:
        path: the file, relative to the source.
        group: images of one group are one scan: their folder, and their name without the modality.
        kind: a modality, `map`, `brain mask`, or None where the name says nothing.
    """

    path: Path
    group: tuple[Path, str]
    kind: str | None


def read_file_name(path: Path) -> NamedImage:
    """Return what a file's name says, or else the name of its folder (`T1/001.nii`, `masks/001.nii`)."""
    words = re.split(r"([_\-. ]+)", stem_of(path))
    kinds = [KIND_OF_WORD.get(word.casefold()) for word in words]
    found = [kind for kind in kinds if kind]
    if found:
        rest = "".join("" if kind else word for word, kind in zip(words, kinds, strict=True))
        kind = BRAIN_MASK if MAP in found and "brain" in map(str.casefold, words) else _strongest(found)
        return NamedImage(path, (path.parent, _tidy(rest)), kind)
    above = KIND_OF_WORD.get(path.parent.name.casefold())
    return NamedImage(path, (path.parent.parent if above else path.parent, _tidy(stem_of(path))), above)


def _strongest(kinds: Iterable[str]) -> str:
    """Return what several words mean: `T1_lesion_mask` is a map, `T2_FLAIR` is FLAIR."""
    order = (BRAIN_MASK, MAP, "FLAIR", "T1ce", "T2w", "T1w")
    return min(kinds, key=order.index)


def _tidy(rest: str) -> str:
    return re.sub(r"([_\-. ])[_\-. ]+", r"\1", rest).strip("_-. ")


def group_names(source: Path, groups: Iterable[tuple[Path, str]]) -> dict[tuple[Path, str], str]:
    """Return a unique name for every group: what its files share, or the folder, or both where needed."""
    found = list(groups)
    names = [file_safe(rest) or file_safe((source.resolve() / folder).name) for folder, rest in found]
    full = [
        file_safe("-".join((*folder.parts, rest))) or name for (folder, rest), name in zip(found, names, strict=True)
    ]
    uses = Counter(names)
    chosen = [whole if uses[name] > 1 else name for name, whole in zip(names, full, strict=True)]
    return _numbered(found, chosen)


def _numbered(groups: list[tuple[Path, str]], names: list[str]) -> dict[tuple[Path, str], str]:
    """Append a number to names that are still the same, or that hold no letter a file can have."""
    used: set[str] = set()
    unique = {}
    for group, name in zip(groups, names, strict=True):
        candidate, number = name or "scan", 2
        while candidate in used:
            candidate, number = f"{name or 'scan'}-{number}", number + 1
        used.add(candidate)
        unique[group] = candidate
    return unique
