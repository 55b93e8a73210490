"""How many workers this machine can feed."""

import os
from pathlib import Path

from medical_transformer.preprocessing.config import PipelineConfig

# Peak resident memory of a worker with its libraries, over real heads at 1 and 2 mm.
WITH_DEEPBET_GB = 1.5
WITHOUT_DEEPBET_GB = 0.9
# Share of the free memory that workers may take.
SHARE = 0.8


def expected_memory_gb(config: PipelineConfig) -> float:
    """Return the peak memory of one worker, in GB."""
    return WITH_DEEPBET_GB if config.extraction in ("auto", "deepbet") else WITHOUT_DEEPBET_GB


def choose_workers(config: PipelineConfig) -> int:
    """Return how many workers fit into the processors and the free memory; at least one."""
    processors = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    free = free_memory_gb()
    if free is None:
        return max(1, processors // 2)
    return max(1, min(processors, int(SHARE * free / expected_memory_gb(config))))


def free_memory_gb() -> float | None:
    """Return the memory that is free for programs, in GB; nothing where the system does not tell."""
    table = Path("/proc/meminfo")
    if not table.is_file():
        return None
    lines = dict(line.split(":", 1) for line in table.read_text(encoding="ascii").splitlines() if ":" in line)
    return int(lines["MemAvailable"].split()[0]) / 1e6 if "MemAvailable" in lines else None
