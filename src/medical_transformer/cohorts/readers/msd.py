"""Task01_BrainTumour of the Medical Segmentation Decathlon: gliomas whose four modalities share one 4-D file.

`dataset.json` says in which order the modalities lie and what the numbers of the maps mean; both differ from
BraTS 2020. Each modality is addressed as a volume of the file, and the numbers of a map are exchanged for those of
BraTS when it is read, so that the regions of a tumour are the same. The source is not touched.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, TypeVar

from medical_transformer.cohorts.cohort import Cohort
from medical_transformer.cohorts.files import is_image, stem_of
from medical_transformer.cohorts.indexed import Indexed, LedgerDraft, counted, listing
from medical_transformer.cohorts.ledger import Verdict
from medical_transformer.cohorts.scan import Scan
from medical_transformer.errors import CohortError
from medical_transformer.volumes import Address

name = "msd"

Meaning = TypeVar("Meaning")

DESCRIPTION = "dataset.json"
MODALITIES = {"flair": "FLAIR", "t1w": "T1w", "t1gd": "T1ce", "t2w": "T2w"}
# What dataset.json calls the parts of a tumour, and the numbers that BraTS 2020 gives them.
BRATS_VALUES = {"background": 0, "edema": 2, "non-enhancing tumor": 1, "enhancing tumor": 4}
TASK = "Task01_BrainTumour"


@dataclass(frozen=True, slots=True)
class _Description:
    """What dataset.json says: modality to its volume, number in a map to BraTS's, and which file has which map."""

    volumes: Mapping[str, int]
    values: Mapping[int, int]
    cases: Mapping[Path, Path | None]


def recognises(source: Path, files: Sequence[Path]) -> bool:
    """Tell whether this is Task01, by the modalities of its dataset.json or by its name."""
    if not any(path.parts[0] == "imagesTr" for path in files):
        return False
    told = Path(DESCRIPTION) in files and "flair" in (source / DESCRIPTION).read_text("utf-8", "replace").lower()
    return told or source.resolve().name == TASK


def read(source: Path, files: Sequence[Path], table: Path | None) -> Indexed:
    """Read the cases of training and test, those of training with their maps.

    Raises:
        CohortError: if dataset.json is missing, unreadable or names modalities or parts that are not known, or if
            a table was named, for the data set has none.
    """
    if table is not None:
        raise CohortError(f"{table}: {TASK} names nobody, so a table cannot be joined to it; leave it out.")
    draft = LedgerDraft()
    draft.file(Path(DESCRIPTION), Verdict.USED, "It says the order of the modalities and the meaning of the maps.")
    said = _description(source / DESCRIPTION)
    found = [_scan(image, labels, said, set(files), draft) for image, labels in sorted(said.cases.items())]
    scans = tuple(scan for scan in found if scan is not None)
    for path in files:
        if is_image(path) and path not in said.cases and path not in said.cases.values():
            draft.file(path, Verdict.SKIPPED, f"{DESCRIPTION} does not list it.")
    return Indexed(Cohort("MSD Task01", source, scans), draft.finish(files), about=lambda used: _notes(used, said))


def _description(path: Path) -> _Description:
    if not path.is_file():
        raise CohortError(f"{path} is not there; without it the order of the modalities is not known. Unpack it again.")
    try:
        about: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        volumes = {_known(MODALITIES, said, path): int(number) for number, said in about["modality"].items()}
        parts = {int(number): _known(BRATS_VALUES, said, path) for number, said in about["labels"].items()}
        values = {old: new for old, new in parts.items() if old != new}
        cases: dict[Path, Path | None] = {_path(one["image"]): _path(one["label"]) for one in about["training"]}
        cases |= {_path(one): None for one in about.get("test", ())}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise CohortError(f"{path} is not the description of {TASK} ({error}); unpack it again.") from error
    return _Description(dict(sorted(volumes.items(), key=_place)), values, cases)


def _known(words: Mapping[str, Meaning], said: str, path: Path) -> Meaning:
    """Return what a word of dataset.json means; it spells tumor both ways."""
    meaning = words.get(said.lower().replace("tumour", "tumor"))
    if meaning is None:
        raise CohortError(f"{path} has {said!r} where one of {', '.join(words)} is expected.")
    return meaning


def _place(modality: tuple[str, int]) -> int:
    """Order modalities as BraTS's reader does."""
    return ("T1w", "T1ce", "T2w", "FLAIR").index(modality[0])


def _path(said: str) -> Path:
    return Path(PurePosixPath(said))


def _scan(image: Path, labels: Path | None, said: _Description, files: set[Path], draft: LedgerDraft) -> Scan | None:
    case = stem_of(image)
    missing = [path.as_posix() for path in (image, labels) if path is not None and path not in files]
    if missing:
        reason = f"{listing(missing)} is not there; unpack the archive again."
        for there in files.intersection([image, labels] if labels else [image]):
            draft.file(there, Verdict.REFUSED, reason, case)
        draft.scan(case, Verdict.REFUSED, reason, case)
        return None
    draft.file(image, Verdict.USED, f"The {listing(said.volumes)} images of {case}, volume by volume.", case)
    if labels:
        draft.file(labels, Verdict.USED, f"The map of {case}, read with the numbers of BraTS.", case)
    draft.scan(case, Verdict.USED, "Indexed with a map." if labels else "Indexed without a map of the tumour.", case)
    return Scan(
        subject=case,
        name=case,
        images={modality: Address(image, volume=number).path for modality, number in said.volumes.items()},
        segmentation=Address(labels, values=said.values).path if labels else None,
        source=DESCRIPTION,
    )


def _notes(scans: Sequence[Scan], said: _Description) -> list[str]:
    mapped = sum(scan.segmentation is not None for scan in scans)
    order = listing(f"{number} {modality}" for modality, number in sorted(said.volumes.items(), key=lambda one: one[1]))
    numbers = listing(f"{old} as {new}" for old, new in said.values.items())
    return [
        f"{counted(scans, 'case')}, {mapped} with a map of the tumour.",
        f"Volumes of each file: {order}. Numbers of the maps are read as BraTS's: {numbers}.",
        "Its cases are those of BraTS 2016 and 2017 renamed: do not train on one and test on the other.",
    ]
