"""What a person asks for: files and folders, resolved to scans."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from medical_transformer.cohorts import Cohort, Verdict, index
from medical_transformer.cohorts.files import other_half, stem_of, why_half
from medical_transformer.cohorts.scan import Scan
from medical_transformer.errors import CohortError, MedicalTransformerError
from medical_transformer.volumes.reading import SUFFIXES


@dataclass(frozen=True, slots=True)
class Request:
    """One scan to answer on.

    Attributes:
        scan: what the answer is filed under: the file's name, or the scan's name for several modalities.
        stem: unique file stem of what is written about it.
        subject: who was scanned, as far as the input says.
        images: modality to path.
        refusal: why it cannot be answered, empty where it can be tried.
    """

    scan: str
    stem: str
    subject: str
    images: Mapping[str, Path]
    refusal: str = ""


def resolve(inputs: Sequence[Path], modalities: Sequence[str]) -> list[Request]:
    """Turn files, folders and cohorts into requests; what cannot be used becomes a request with a refusal.

    The same file given twice is answered once. Stems are unique: files of the same name get those of their folders in
    front, and a number where even these agree.
    """
    requests = _without_doubles(request for path in inputs for request in _resolve_one(path, modalities))
    stems = Counter(request.stem for request in requests)
    longer = [replace(one, stem=_longer_stem(one)) if stems[one.stem] > 1 else one for one in requests]
    return _numbered(longer)


def _without_doubles(requests: Iterable[Request]) -> list[Request]:
    kept: dict[object, Request] = {}
    for request in requests:
        paths = tuple(path.resolve() for path in request.images.values())
        kept.setdefault(paths or object(), request)
    return list(kept.values())


def _numbered(requests: Sequence[Request]) -> list[Request]:
    used: Counter[str] = Counter()
    numbered = []
    for request in requests:
        used[request.stem] += 1
        count = used[request.stem]
        numbered.append(request if count == 1 else replace(request, stem=f"{request.stem}-{count}"))
    return numbered


def _resolve_one(path: Path, modalities: Sequence[str]) -> Iterator[Request]:
    if not path.is_dir():
        yield _of_file(path, modalities)
        return
    try:
        cohort, unused = _of_folder(path)
    except MedicalTransformerError as error:
        yield Request(path.name, path.name, "", {}, str(error))
        return
    for scan in cohort.scans:
        yield _of_scan(scan, cohort.root, modalities)
    for item, reason in unused:
        yield Request(Path(item).name, stem_of(Path(item)), "", {"file": path / item}, reason)


def _of_file(path: Path, modalities: Sequence[str]) -> Request:
    stem, other = stem_of(path), other_half(path)
    refusal = ""
    if not path.exists():
        refusal = f"{path}: there is no such file."
    elif other is not None and not other.exists():
        refusal = f"{path}: {why_half(other)}"
    elif len(modalities) > 1:
        needed = ", ".join(modalities)
        refusal = f"{path}: this model needs {needed} of one subject; give the folder that holds them."
    return Request(path.name, stem, subject_of(stem), {modalities[0]: path}, refusal)


def _of_folder(path: Path) -> tuple[Cohort, list[tuple[str, str]]]:
    """Return the scans of a folder, and its images that are none of them, each with the reason."""
    if (path / "cohort.tsv").is_file():
        return Cohort.load(path), []
    indexed = index(path)
    if indexed.planned:
        raise CohortError(
            f"{path} holds DICOM; convert it with `medtrans index {path} --out COHORT`, then give COHORT."
        )
    entries = (*indexed.ledger.of(Verdict.REFUSED), *indexed.ledger.of(Verdict.SKIPPED))
    images = [entry for entry in entries if entry.kind == "file" and entry.item.lower().endswith(SUFFIXES)]
    return indexed.cohort, [(entry.item, entry.reason) for entry in images]


def _of_scan(scan: Scan, root: Path, modalities: Sequence[str]) -> Request:
    missing = [word for word in modalities if word not in scan.images]
    refusal = f"{scan.name} lacks {', '.join(missing)}, which this model needs." if missing else ""
    images = {word: root / scan.images[word] for word in modalities if word not in missing}
    shown = images[modalities[0]].name if len(modalities) == 1 and images else scan.name
    return Request(shown, scan.name, scan.subject, images, refusal)


def subject_of(stem: str) -> str:
    """Return the subject that a file's name tells: `sub-01` of BIDS, `IXI012` of IXI, otherwise the whole stem."""
    told = re.match(r"sub-[A-Za-z0-9]+|IXI\d{3}(?=-)", stem)
    return told.group() if told else stem


def _longer_stem(request: Request) -> str:
    """Return a stem that also names two folders, for files of the same name in several."""
    if not request.images:
        return request.stem
    path = next(iter(request.images.values())).resolve()
    return "_".join([*path.parts[-3:-1], request.stem])
