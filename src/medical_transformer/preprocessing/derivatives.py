"""Prepared scans on disk, as BIDS-Derivatives; every file appears under its name only when it is whole."""

import json
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from medical_transformer.cohorts import Scan, Verdict
from medical_transformer.cohorts.hashing import hash_files
from medical_transformer.cohorts.tables import write_json
from medical_transformer.preprocessing.caption import Caption, recaptioned
from medical_transformer.preprocessing.config import PipelineConfig
from medical_transformer.preprocessing.modalities import leading_order
from medical_transformer.preprocessing.names import ScanFiles
from medical_transformer.preprocessing.picture import draw
from medical_transformer.preprocessing.scan import PreparedScan
from medical_transformer.preprocessing.template import NAME, load_template
from medical_transformer.volumes import Volume, write_like, write_volume
from medical_transformer.volumes.whole_files import write_bytes
from medical_transformer.volumes.writing import MNI_SPACE, SCANNER_SPACE

BIDS_VERSION = "1.9.0"


def write_description(root: Path) -> None:
    """Write `dataset_description.json`, which tells what made the folder."""
    description = {
        "Name": "Prepared scans",
        "BIDSVersion": BIDS_VERSION,
        "DatasetType": "derivative",
        "GeneratedBy": [{"Name": "medical_transformer", "Version": metadata.version("medical-transformer")}],
    }
    write_json(root / "dataset_description.json", description)


def write_prepared(prepared: PreparedScan, scan: Scan, root: Path, inputs: Mapping[str, str]) -> None:
    """Write everything about a prepared scan; the sidecar comes last and marks it as done.

    A refused scan leaves its picture, its native mask and its sidecar, to see why; no prepared image.

    Args:
        prepared: the scan.
        scan: what the cohort says about it.
        root: the derivatives' folder.
        inputs: checksums of its input files.
    """
    files = ScanFiles.of(scan, prepared.config)
    for path in files.earlier(root):
        path.unlink()
    write_like(_as_bytes(prepared.native_brain_mask), prepared.stored, root / files.native_brain_mask)
    write_bytes(root / files.figure, draw(prepared))
    if prepared.verdict is not Verdict.REFUSED:
        _write_images(prepared, files, root)
        write_json(root / files.transform, _transform(prepared))
    write_json(root / files.sidecar, _sidecar(prepared, inputs))


@dataclass(frozen=True, slots=True)
class Sidecar:
    """What decides whether a scan is done, from its sidecar.

    Attributes:
        fingerprint: the pipeline's.
        inputs: checksums of the input files.
        verdict: prepared, warned or refused.
        reason: one sentence, empty where nothing stands out.
        quality: the numbers behind the verdict.
    """

    fingerprint: str
    inputs: Mapping[str, str]
    verdict: Verdict
    reason: str
    quality: Mapping[str, float]


def read_sidecar(scan: Scan, config: PipelineConfig, root: Path) -> Sidecar | None:
    """Return what a finished scan's sidecar says; nothing where the scan is not done, or the sidecar is damaged."""
    return _read(root / ScanFiles.of(scan, config).sidecar)


def read_sidecars(scan: Scan, config: PipelineConfig, root: Path) -> dict[Path, Sidecar]:
    """Return what the sidecars of a scan say that any pipeline has written, by their paths."""
    found = ((path, _read(path)) for path in ScanFiles.of(scan, config).sidecars(root))
    return {path: said for path, said in found if said is not None}


def _read(path: Path) -> Sidecar | None:
    if not path.is_file():
        return None
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
        quality = {word: float(value) for word, value in said["quality"].items()}
        return Sidecar(said["fingerprint"], said["inputs"], Verdict(said["verdict"]), said["reason"], quality)
    except (ValueError, KeyError, TypeError, AttributeError):  # the scan is then done again, which makes it whole
        return None


def restate(path: Path, done: Sidecar, figure: Path, verdict: Verdict, reason: str) -> None:
    """Let sidecar and picture of a scan that was done say what has become of it since.

    Args:
        path: the sidecar.
        done: what it says.
        figure: the picture.
        verdict: what has become of the scan.
        reason: why.
    """
    if (done.verdict, done.reason) == (verdict, reason):
        return
    said = json.loads(path.read_text(encoding="utf-8"))
    if figure.is_file():
        write_bytes(figure, recaptioned(figure.read_bytes(), Caption(said["scan"], verdict, reason, done.quality)))
    write_json(path, {**said, "verdict": str(verdict), "reason": reason})


def checksums(paths: Mapping[str, Path]) -> dict[str, str]:
    """Return the SHA-256 of each file, first 16 hex digits."""
    return {word: hash_files([path]) for word, path in paths.items()}


def content_files(scan: Scan, config: PipelineConfig) -> list[Path]:
    """Return what training reads of a scan, relative to the root: its images and its label map, if it has one."""
    files = ScanFiles.of(scan, config)
    images = [files.image(word) for word in leading_order(scan.images)]
    return images if scan.segmentation is None else [*images, files.segmentation]


def written_files(scan: Scan, config: PipelineConfig, verdict: Verdict) -> list[Path]:
    """Return all that `write_prepared` leaves of a scan with this verdict, relative to the root."""
    files = ScanFiles.of(scan, config)
    always = [files.native_brain_mask, files.figure, files.sidecar]
    if verdict is Verdict.REFUSED:
        return always
    return [*always, files.brain_mask, files.transform, *content_files(scan, config)]


def _write_images(prepared: PreparedScan, files: ScanFiles, root: Path) -> None:
    code = MNI_SPACE if prepared.config.space == "mni" else SCANNER_SPACE
    for modality, volume in prepared.volumes.items():
        write_volume(volume, root / files.image(modality), space_code=code)
    write_volume(_as_bytes(prepared.brain_mask), root / files.brain_mask, space_code=code)
    if prepared.segmentation is not None:
        write_volume(prepared.segmentation, root / files.segmentation, space_code=code)


def _as_bytes(mask: Volume) -> Volume:
    return mask.with_voxels(mask.voxels.astype(np.uint8))


def _transform(prepared: PreparedScan) -> dict[str, Any]:
    return {
        "Unit": "mm, RAS+",
        "native_to_prepared": prepared.placement.template_from_native.tolist(),
        "prepared_to_native": prepared.placement.native_from_template.tolist(),
        "note": "Points; to pull an image onto the prepared grid use prepared_to_native.",
    }


def _sidecar(prepared: PreparedScan, inputs: Mapping[str, str]) -> dict[str, Any]:
    config, template = prepared.config, prepared.config.space == "mni"
    return {
        "scan": prepared.name,
        "verdict": str(prepared.verdict),
        "reason": prepared.reason,
        "fingerprint": config.fingerprint(),
        "config": config.model_dump(mode="json"),
        "inputs": dict(inputs),
        "template": {"name": NAME, "checksum": load_template().checksum} if template else None,
        "SkullStripped": True,
        "SpatialReference": "ICBM 2009c, 193x229x193 at 1 mm, pooled" if template else "a box of the input",
        "quality": {word: round(value, 6) for word, value in prepared.quality.items()},
        "steps": [{"name": step.name, "tool": step.tool, "seconds": step.seconds} for step in prepared.steps],
        "versions": versions(),
    }


def versions() -> dict[str, str]:
    """Return the versions of what computes the voxels."""
    tools = ("medical-transformer", "niimath", "deepbet", "nilearn", "numpy", "scipy", "torch", "nibabel")
    return {"python": platform.python_version(), **{tool: metadata.version(tool) for tool in tools}}
