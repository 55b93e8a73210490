"""What a person asks for: files and folders, resolved to scans."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from medical_transformer.cohorts import Cohort, Verdict, index
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
    """Turn files, folders and cohorts into requests; what cannot be used becomes a request with a refusal."""
    requests = [request for path in inputs for request in _resolve_one(path, modalities)]
    stems = Counter(request.stem for request in requests)
    return [
        replace(request, stem=_longer_stem(request)) if stems[request.stem] > 1 else request for request in requests
    ]


def _resolve_one(path: Path, modalities: Sequence[str]) -> Iterator[Request]:
    if not path.is_dir():
        yield _of_file(path, modalities)
        return
    try:
        cohort, refused = _of_folder(path)
    except MedicalTransformerError as error:
        yield Request(path.name, path.name, "", {}, str(error))
        return
    for scan in cohort.scans:
        yield _of_scan(scan, cohort.root, modalities)
    for item, reason in refused:
        yield Request(Path(item).name, stem_of(Path(item)), "", {"file": path / item}, reason)


def _of_file(path: Path, modalities: Sequence[str]) -> Request:
    stem = stem_of(path)
    refusal = ""
    if not path.exists():
        refusal = f"{path}: there is no such file."
    elif len(modalities) > 1:
        needed = ", ".join(modalities)
        refusal = f"{path}: this model needs {needed} of one subject; give the folder that holds them."
    return Request(path.name, stem, subject_of(stem), {modalities[0]: path}, refusal)


def _of_folder(path: Path) -> tuple[Cohort, list[tuple[str, str]]]:
    if (path / "cohort.tsv").is_file():
        return Cohort.load(path), []
    indexed = index(path)
    refused = [(entry.item, entry.reason) for entry in indexed.ledger.of(Verdict.REFUSED) if entry.kind == "file"]
    return indexed.cohort, refused


def _of_scan(scan: Scan, root: Path, modalities: Sequence[str]) -> Request:
    missing = [word for word in modalities if word not in scan.images]
    refusal = f"{scan.name} lacks {', '.join(missing)}, which this model needs." if missing else ""
    images = {word: root / scan.images[word] for word in modalities if word not in missing}
    shown = images[modalities[0]].name if len(modalities) == 1 and images else scan.name
    return Request(shown, scan.name, scan.subject, images, refusal)


def stem_of(path: Path) -> str:
    """Return a file's name without the suffix of an image."""
    for suffix in sorted(SUFFIXES, key=len, reverse=True):
        if path.name.endswith(suffix):
            return path.name.removesuffix(suffix)
    return path.name


def subject_of(stem: str) -> str:
    """Return the subject that a file's name tells: `sub-01` of BIDS, or what precedes the first `-` or `_`."""
    first = stem.split("_", maxsplit=1)[0]
    return first if first.startswith("sub-") else first.split("-")[0]


def _longer_stem(request: Request) -> str:
    """Return a stem that also names the folder, for files of the same name in several folders."""
    if not request.images:
        raise CohortError(f"{request.scan} was given twice.")
    path = next(iter(request.images.values())).resolve()
    return "_".join([*(part for part in path.parts[-3:-1]), request.stem])
