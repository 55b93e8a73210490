"""Times as ratios within one run, memory in fresh processes, and facts about the machine."""

import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import torch

Work = Callable[[], object]


def tell_machine(threads: int, device: str = "cpu") -> None:
    torch.set_num_threads(threads)
    flags = Path("/proc/cpuinfo").read_text(encoding="utf-8") if Path("/proc/cpuinfo").exists() else ""
    model = next((line.split(":")[1].strip() for line in flags.splitlines() if line.startswith("model name")), "?")
    widest = torch.backends.cpu.get_cpu_capability()
    card = f", {torch.cuda.get_device_name()}" if device == "cuda" else ""
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
    print(
        f"{model} ({widest}), {threads} of {os.cpu_count()} threads{card}; torch {torch.__version__}, "
        f"Python {platform.python_version()}; load {load:.1f} at the start"
    )


def interleave(works: Mapping[str, Work], repetitions: int, *, device: str = "cpu") -> dict[str, float]:
    """Do each work once to warm up, then all in turn, and return median seconds; the machine's mood hits all alike.

    With one thread these are seconds of the processor's time, which do not count waiting for other jobs.
    """
    clock = time.process_time if device == "cpu" and torch.get_num_threads() == 1 else time.perf_counter
    seconds: dict[str, list[float]] = {name: [] for name in works}
    for repetition in range(repetitions + 1):
        for name, work in works.items():
            start = clock()
            work()
            if device == "cuda":
                torch.cuda.synchronize()
            if repetition > 0:
                seconds[name].append(clock() - start)
    return {name: statistics.median(values) for name, values in seconds.items()}


def tell_ratios(title: str, seconds: Mapping[str, float], goals: Mapping[str, float]) -> None:
    """Print how many times as long as ours the others take."""
    (ours, base), *others = seconds.items()
    print(f"\n{title}\n  {ours:44} {base:8.3f} s")
    for name, value in others:
        goal = f"   goal {goals[name]:g} x" if name in goals else ""
        print(f"  {name:44} {value:8.3f} s   {value / base:7.1f} x{goal}")


def peak_gigabytes(*words: str) -> float:
    """Run a sub-command in a fresh process, pass on what it prints, and return its peak memory."""
    script = Path(__file__).with_name("network.py")
    done = subprocess.run([sys.executable, str(script), *words], capture_output=True, text=True, check=True)
    *lines, peak = done.stdout.strip().splitlines()
    for line in lines:
        print(f"  {line}")
    return float(peak)


def own_peak_gigabytes() -> float:
    """Return the most memory this process ever had; `ru_maxrss` would tell that of the process that started it."""
    return _status("VmHWM") / 1e6


def anonymous_megabytes() -> float:
    """Return this process's own memory, without the pages of files that the kernel may drop."""
    return _status("RssAnon") / 1e3


def _status(word: str) -> int:
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith(word))
