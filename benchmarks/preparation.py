"""Measure preparation on real heads: brain masks against a reference, seconds and memory per head, and two workers.

Commands (paths relative to the repository)::

    python benchmarks/preparation.py masks PREPARED ../shared/data/ixi/DLMUSE
    OMP_NUM_THREADS=2 python benchmarks/preparation.py cost ../shared/data/ixi/IXI-T1 --heads 3 --spacing 1
    python benchmarks/preparation.py workers ../shared/data/ixi/IXI-T1 --heads 8

`masks` compares the native brain masks of a prepared cohort with `DLMUSE > 0` (files `NAME-DLMUSE.nii.gz`);
`cost` prepares heads one after the other in one process and prints wall seconds per step, CPU seconds and peak memory;
with `--spacing` they are resampled first, to voxels of so many mm. The first head also loads what all share.
`workers` prepares the same heads with one worker and with two, and prints the ratio (the start of the workers counts),
beside what two processes that share nothing reach on this machine: no cohort can gain more.
"""

import argparse
import multiprocessing
import os
import resource
import statistics
import tempfile
import time
from collections import defaultdict
from pathlib import Path

import nibabel
import numpy as np
from nibabel.processing import resample_to_output
from rich.console import Console
from scipy import ndimage

from medical_transformer.cohorts import Cohort, Scan
from medical_transformer.preprocessing import PipelineConfig, prepare, prepare_scan
from medical_transformer.preprocessing.names import ScanFiles
from medical_transformer.volumes import read_label_map


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    masks = commands.add_parser("masks")
    masks.add_argument("prepared", type=Path)
    masks.add_argument("reference", type=Path)
    cost = commands.add_parser("cost")
    cost.add_argument("folder", type=Path)
    cost.add_argument("--heads", type=int, default=3)
    cost.add_argument("--extraction", default="auto")
    cost.add_argument("--spacing", type=float)
    workers = commands.add_parser("workers")
    workers.add_argument("folder", type=Path)
    workers.add_argument("--heads", type=int, default=8)
    chosen = parser.parse_args()
    if chosen.command == "masks":
        compare_masks(chosen.prepared, chosen.reference)
    elif chosen.command == "workers":
        measure_workers(chosen.folder, chosen.heads)
    else:
        measure_cost(chosen.folder, chosen.heads, chosen.extraction, chosen.spacing)


def compare_masks(prepared: Path, reference: Path) -> None:
    config = PipelineConfig()
    overlaps: dict[str, float] = {}
    lost: list[float] = []
    for scan in Cohort.load(prepared).scans:
        mask = read_label_map(prepared / ScanFiles.of(scan, config).native_brain_mask)[0].voxels > 0
        truth = read_label_map(reference / f"{scan.name}-DLMUSE.nii.gz")[0].voxels > 0
        overlaps[scan.name] = float(2 * (mask & truth).sum() / (mask.sum() + truth.sum()))
        lost.append(float((truth & ~mask).sum() / truth.sum()))
    values = sorted(overlaps.values())
    worst = min(overlaps, key=overlaps.__getitem__)
    quantiles = ", ".join(f"{share:.0%}: {np.quantile(values, share):.3f}" for share in (0.05, 0.25, 0.5, 0.75))
    print(f"{len(values)} heads; Dice mean {statistics.mean(values):.4f}, worst {values[0]:.4f} ({worst})")
    print(f"quantiles {quantiles}; tissue lost: mean {statistics.mean(lost):.2%}, worst {max(lost):.2%}")


def measure_cost(folder: Path, heads: int, extraction: str, spacing: float | None) -> None:
    steps: dict[str, list[float]] = defaultdict(list)
    config = PipelineConfig.of({"extraction": extraction})
    paths = sorted(folder.glob("*.nii.gz"))[:heads]
    copies = tempfile.TemporaryDirectory()
    if spacing is not None:  # in a process of its own, whose memory is not measured
        with multiprocessing.Pool(1) as pool:
            paths = pool.starmap(resampled, [(path, spacing, Path(copies.name, path.name)) for path in paths])
    for path in paths:
        before, start = cpu_seconds(), time.perf_counter()
        prepared = prepare_scan({"T1w": path}, config)
        steps["in all (wall)"].append(time.perf_counter() - start)
        steps["in all (CPU)"].append(cpu_seconds() - before)
        for step in prepared.steps:
            steps[f"{step.name} {step.tool}".strip()].append(step.seconds)
    for name, seconds in steps.items():
        print(f"{name:45} median {statistics.median(seconds):6.2f} s   worst {max(seconds):6.2f} s")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(f"peak memory {peak:.2f} GB (niimath runs beside it with some 30 MB)")


def resampled(path: Path, spacing: float, copy: Path) -> Path:
    finer = resample_to_output(nibabel.load(path), [spacing] * 3, order=3)
    nibabel.save(nibabel.Nifti1Image(finer.get_fdata().astype(np.int16), finer.affine), copy)
    return copy


def measure_workers(folder: Path, heads: int) -> None:
    paths = sorted(folder.glob("*.nii.gz"))[:heads]
    scans = [Scan(subject=path.name, name=path.name.split(".")[0], images={"T1w": Path(path.name)}) for path in paths]
    cohort, seconds = Cohort("heads", folder, tuple(scans)), {}
    for workers in (1, 2):
        with tempfile.TemporaryDirectory() as out:
            start = time.perf_counter()
            prepare(cohort, Path(out), workers=workers, console=Console(quiet=True))
            seconds[workers] = time.perf_counter() - start
        print(f"{len(scans)} heads with {workers} of the workers: {seconds[workers]:.1f} s", flush=True)
    print(f"two workers against one: {seconds[1] / seconds[2]:.2f} x")
    print(f"two processes of nothing but interpolation against one: {ceiling():.2f} x")


def ceiling() -> float:
    """Return how much sooner two processes are than one with work that needs neither disk nor each other."""
    seconds = []
    for workers in (1, 2):
        with multiprocessing.Pool(workers) as pool:
            pool.map(interpolate, range(workers), chunksize=1)
            start = time.perf_counter()
            pool.map(interpolate, range(6), chunksize=1)
            seconds.append(time.perf_counter() - start)
    return seconds[0] / seconds[1]


def interpolate(seed: int) -> None:
    volume = np.random.default_rng(seed).random((96, 114, 96), dtype=np.float32)
    for _ in range(12):
        ndimage.affine_transform(volume, 1.01 * np.eye(3), order=1)


def cpu_seconds() -> float:
    kinds = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return sum(used.ru_utime + used.ru_stime for used in map(resource.getrusage, kinds))


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    main()
