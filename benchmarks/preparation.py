"""Measure preparation on real heads: brain masks against a reference, and seconds and memory per head.

Commands (paths relative to the repository)::

    python benchmarks/preparation.py masks PREPARED ../shared/data/ixi/DLMUSE
    python benchmarks/preparation.py cost ../shared/data/ixi/IXI-T1 --heads 3 --extraction deepbet

`masks` compares the native brain masks of a prepared cohort with `DLMUSE > 0` (files `NAME-DLMUSE.nii.gz`);
`cost` prepares heads one after the other in one thread and prints wall seconds per step, CPU seconds and peak
memory.
"""

import argparse
import os
import resource
import statistics
import time
from collections import defaultdict
from pathlib import Path

import numpy as np

from medical_transformer.cohorts import Cohort
from medical_transformer.preprocessing import PipelineConfig, prepare_scan
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
    chosen = parser.parse_args()
    if chosen.command == "masks":
        compare_masks(chosen.prepared, chosen.reference)
    else:
        measure_cost(chosen.folder, chosen.heads, chosen.extraction)


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


def measure_cost(folder: Path, heads: int, extraction: str) -> None:
    steps: dict[str, list[float]] = defaultdict(list)
    config = PipelineConfig.of({"extraction": extraction})
    for path in sorted(folder.glob("*.nii.gz"))[:heads]:
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


def cpu_seconds() -> float:
    kinds = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return sum(used.ru_utime + used.ru_stime for used in map(resource.getrusage, kinds))


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    main()
