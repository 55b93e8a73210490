"""The store: all prepared volumes of a cohort in one memory-mapped array, which training reads batch by batch."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
from jaxtyping import Float, Int
from rich.console import Console

from medical_transformer.cohorts import Cohort
from medical_transformer.cohorts.tables import read_json
from medical_transformer.errors import CohortError
from medical_transformer.preprocessing.store_building import build_store, store_identity
from medical_transformer.volumes import Grid

Batch = Float[np.ndarray[Any, Any], "batch channel right anterior superior"]
LabelBatch = Int[np.ndarray[Any, Any], "batch right anterior superior"]
VoxelType = Literal["float16", "float32"]


@dataclass(frozen=True, slots=True, eq=False)
class Store:
    """Prepared volumes of a cohort, read on demand from one file.

    Attributes:
        names: scans, in the order of their indices.
        modalities: channels, in order.
        grid: grid of the first scan; with space=crop every scan has an origin of its own (`grids`).
        grids: grid of each scan.
    """

    names: tuple[str, ...]
    modalities: tuple[str, ...]
    grids: tuple[Grid, ...]
    _volumes: np.ndarray[Any, Any]
    _segmentations: np.ndarray[Any, Any] | None

    def __len__(self) -> int:
        return len(self.names)

    @property
    def grid(self) -> Grid:
        """Grid of the first scan, which all scans share in template space."""
        return self.grids[0]

    @property
    def spatial_shape(self) -> tuple[int, int, int]:
        """Voxels along right, anterior and superior."""
        return self.grid.shape

    def volumes(self, indices: Sequence[int]) -> Batch:
        """Read scans as float32 (batch, channel, right, anterior, superior), intensities in [0, 1]."""
        return self._volumes[list(indices)].astype(np.float32)

    def segmentations(self, indices: Sequence[int]) -> LabelBatch:
        """Read label maps as int64 (batch, right, anterior, superior).

        Raises:
            CohortError: if the store was built without segmentations.
        """
        if self._segmentations is None:
            raise CohortError("This store holds no segmentations; open it with segmentation=True.")
        return self._segmentations[list(indices)].astype(np.int64)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Open what `open_store` built."""
        index = read_json(folder / "index.json")
        shape = tuple(index["spatial_shape"])
        labels = np.load(folder / "segmentations.npy", mmap_mode="r") if index["segmentation"] else None
        return cls(
            names=tuple(index["names"]),
            modalities=tuple(index["modalities"]),
            grids=tuple(Grid(shape, np.array(affine)) for affine in index["voxel_to_world"]),
            _volumes=np.load(folder / "volumes.npy", mmap_mode="r"),
            _segmentations=labels,
        )


def open_store(
    prepared: Cohort,
    modalities: Sequence[str],
    folder: Path,
    *,
    pool: int = 1,
    segmentation: bool = False,
    voxel_type: VoxelType = "float16",
    console: Console | None = None,
) -> Store:
    """Build the store of a prepared cohort, or open it where it is built already from the same scans.

    Args:
        prepared: what `prepare` returned, or a part of it.
        modalities: channels, in order; every scan must have them all.
        folder: gets `segmentations.npy`, `volumes.npy` and, last, `index.json`.
        pool: average blocks of so many voxels per axis, for smaller machines (2: 48x57x48).
        segmentation: also store label maps (pooled by majority).
        voxel_type: how voxels are stored; float16 is exact to 0.0005 in [0, 1] and half the size.
        console: where the size is told.

    Raises:
        CohortError: if a scan lacks a modality or its segmentation, a label is below 0, or the volumes differ in
            shape.
        VolumeError: if a file is damaged.
    """
    if not prepared.scans:
        raise CohortError(f"Cohort {prepared.name!r} has no scan to store.")
    identity = store_identity(prepared, modalities, pool, segmentation, voxel_type)
    if _built_from(folder / "index.json") != identity:
        build_store(prepared, folder, identity, console or Console(stderr=True))
    return Store.load(folder)


def _built_from(index: Path) -> Any:
    """Return what a store was built from; None where there is none, or its index is damaged: then it is built again."""
    try:
        return read_json(index).get("identity") if index.is_file() else None
    except CohortError:
        return None
