"""A run of stage 1 on a drawn cohort of any size, and what memory it takes."""

import json
import time
from pathlib import Path
from typing import Any

import numpy as np
from measuring import anonymous_megabytes

from medical_transformer.backbones import MedicalTransformer, MedicalTransformerConfig
from medical_transformer.cohorts import Cohort, Scan
from medical_transformer.experiments.data import Data, UnlabelledSource
from medical_transformer.preprocessing import PipelineConfig, Store
from medical_transformer.pretraining import Exemplar
from medical_transformer.training import TrainingConfig, fit
from medical_transformer.training.fit import Split

SHAPE = (16, 20, 12)
SMALL = MedicalTransformerConfig(width=4, embedding=8, feed_forward=12, heads=2, head_size=5)


class Watching:
    """Passes on what a source loads; notes when the first batch was asked for, and the memory at every one."""

    def __init__(self, source: UnlabelledSource) -> None:
        self.source, self.first, self.megabytes = source, 0.0, [0.0]

    def load(self, items: list[int], draws: Any) -> Any:
        """Load a batch, and look at the memory."""
        self.first = self.first or time.perf_counter()
        self.megabytes.append(anonymous_megabytes())
        return self.source.load(items, draws)

    def names(self, items: Any) -> list[str]:
        """Name scans."""
        return self.source.names(items)


def train(folder: Path, scans: int) -> None:
    """Draw a store, train for one epoch, and print the memory that is the process's own."""
    draw_store(folder, scans)
    start, before = time.perf_counter(), anonymous_megabytes()
    cohort = Cohort("drawn", folder, tuple(scan_number(number) for number in range(scans)))
    source = Watching(UnlabelledSource(Data(cohort, Store.load(folder), PipelineConfig())))
    config = TrainingConfig(epochs=1, batch_size=10, device="cpu")
    split = Split(tuple(range(scans - 20)), tuple(range(scans - 20, scans)))
    fit(Exemplar(MedicalTransformer(SMALL)), source, split, config)
    print(
        f"{scans:6} scans: first batch after {source.first - start:.1f} s; own memory {before:.0f} MB before, "
        f"{source.megabytes[5]:.0f} MB in the fifth step, {source.megabytes[-1]:.0f} MB in the last"
    )


def scan_number(number: int) -> Scan:
    name = f"sub-{number:05}"
    return Scan(subject=name, name=name, images={"T1w": Path(f"{name}_T1w.nii.gz")}, content_hash=f"{number:016x}")


def draw_store(folder: Path, scans: int) -> None:
    """Write the files of a store, telling its size first, as `open_store` does."""
    shape = (scans, 1, *SHAPE)
    print(f"{scans:6} scans: the store takes {np.prod(shape) * 2 / 1e6:.1f} MB")
    voxels = np.lib.format.open_memmap(folder / "volumes.npy", mode="w+", dtype=np.float16, shape=shape)
    draws = np.random.default_rng(0)
    for place in range(scans):
        voxels[place] = draws.random(SHAPE, dtype=np.float32)
    voxels.flush()
    index = {
        "names": [scan_number(number).name for number in range(scans)],
        "modalities": ["T1w"],
        "segmentation": False,
        "spatial_shape": SHAPE,
        "voxel_to_world": [np.eye(4).tolist()] * scans,
    }
    (folder / "index.json").write_text(json.dumps(index), encoding="utf-8")
