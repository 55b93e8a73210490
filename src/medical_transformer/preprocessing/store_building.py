"""Filling the arrays of a store, aside first and renamed when they are whole."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

from medical_transformer.cohorts import Cohort, Scan
from medical_transformer.cohorts.indexed import counted
from medical_transformer.cohorts.tables import write_json
from medical_transformer.errors import CohortError
from medical_transformer.volumes import Volume, average_pool, majority_pool, read_label_map, read_volume
from medical_transformer.volumes.whole_files import clear_leftovers, whole_file

# Atlases number their regions into the thousands.
LABEL_TYPE = np.dtype(np.int16)
LARGEST_LABEL = int(np.iinfo(LABEL_TYPE).max)
Array = np.ndarray[Any, Any]


def store_identity(
    prepared: Cohort, modalities: Sequence[str], pool: int, segmentation: bool, voxel_type: str
) -> dict[str, Any]:
    """Return what makes two stores the same: the scans' bytes and how they are stored.

    Raises:
        CohortError: if a scan lacks a modality.
    """
    scans = [
        [scan.name, scan.content_hash, *(_path(scan, word).as_posix() for word in modalities)]
        for scan in prepared.scans
    ]
    return {
        "modalities": list(modalities),
        "pool": pool,
        "segmentation": segmentation,
        "voxel_type": voxel_type,
        "scans": scans,
    }


def _path(scan: Scan, modality: str) -> Path:
    if modality not in scan.images:
        raise CohortError(f"Scan {scan.name!r} has no {modality}; it has {', '.join(scan.images)}.")
    return scan.images[modality]


def _segmentation_path(scan: Scan) -> Path:
    if scan.segmentation is None:
        raise CohortError(f"Scan {scan.name!r} has no segmentation.")
    return scan.segmentation


def build_store(prepared: Cohort, folder: Path, identity: dict[str, Any], console: Console) -> None:
    """Write `segmentations.npy` where wanted, `volumes.npy` and, last, `index.json`.

    Raises:
        CohortError: if a scan lacks a file, a label is out of range or the volumes differ in shape.
        VolumeError: if a file is damaged.
    """
    scans, modalities, pool = prepared.scans, identity["modalities"], identity["pool"]
    shape = _read_image(prepared.root / _path(scans[0], modalities[0]), pool).shape
    whole = (len(scans), len(modalities), *shape)
    voxel_type = np.dtype(identity["voxel_type"])
    gigabytes = np.prod(whole, dtype=float) * voxel_type.itemsize / 1e9
    console.print(
        f"Storing {counted(scans, 'scan')} of {prepared.name} in {folder}: {gigabytes:.2f} GB.",
        soft_wrap=True,
        markup=False,
        highlight=False,
    )
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "index.json").unlink(missing_ok=True)
    if identity["segmentation"]:  # first: a label out of range is told before the large file is written
        with _array(folder / "segmentations.npy", (len(scans), *shape), LABEL_TYPE) as array:
            for place, scan in enumerate(scans):
                array[place] = _checked(scan, _read_labels(prepared.root, scan, pool), shape)
    with _array(folder / "volumes.npy", whole, voxel_type) as array:
        affines = [_fill_volumes(array[place], scan, prepared.root, identity) for place, scan in enumerate(scans)]
    index = {
        "identity": identity,
        "names": [scan.name for scan in scans],
        "modalities": modalities,
        "segmentation": identity["segmentation"],
        "spatial_shape": shape,
        "voxel_to_world": affines,
    }
    write_json(folder / "index.json", index)


def _fill_volumes(array: Array, scan: Scan, root: Path, identity: dict[str, Any]) -> list[list[float]]:
    """Fill one scan's channels and return its affine."""
    for channel, modality in enumerate(identity["modalities"]):
        volume = _read_image(root / _path(scan, modality), identity["pool"])
        array[channel] = _checked(scan, volume, array.shape[1:])
    affine: list[list[float]] = volume.voxel_to_world.tolist()
    return affine


def _read_image(path: Path, pool: int) -> Volume:
    volume, _ = read_volume(path)
    return average_pool(volume, pool) if pool > 1 else volume


def _read_labels(root: Path, scan: Scan, pool: int) -> Volume:
    volume, _ = read_label_map(root / _segmentation_path(scan))
    if volume.voxels.min() < 0 or volume.voxels.max() > LARGEST_LABEL:
        raise CohortError(f"{scan.segmentation}: labels must lie in 0 to {LARGEST_LABEL}.")
    return majority_pool(volume, pool) if pool > 1 else volume


def _checked(scan: Scan, volume: Volume, shape: tuple[int, ...]) -> Array:
    if volume.shape != shape:
        raise CohortError(
            f"Scan {scan.name!r} has the shape {volume.shape} where the first scan has {shape}; "
            "prepare all scans with one pipeline."
        )
    return volume.voxels


@contextmanager
def _array(path: Path, shape: tuple[int, ...], voxel_type: np.dtype[Any]) -> Iterator[Array]:
    """Offer a memory-mapped array that appears under its name when it is filled."""
    clear_leftovers(path)  # gigabytes each
    with whole_file(path) as aside:
        array = np.lib.format.open_memmap(aside, mode="w+", dtype=voxel_type, shape=shape)
        yield array
        array.flush()
        del array
