import fcntl
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from medical_transformer.preprocessing.workers import run_each


def work(job: Any) -> Any:
    """Double a number; or die as told."""
    if job == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    if job == "exits":
        os._exit(3)
    if job == "threads":
        import torch

        return os.environ["OMP_NUM_THREADS"], torch.get_num_threads(), os.getpid()
    if job == "sleeps":
        time.sleep(60)
    return job * 2


def test_without_workers_jobs_run_here_in_order() -> None:
    assert list(run_each(work, [1, 2, 3], 0)) == [(0, 2), (1, 4), (2, 6)]


def test_a_worker_that_dies_takes_only_its_job_with_it() -> None:
    results = dict(run_each(work, [1, "killed", 2, "exits"], 2))
    assert [results[place] for place in (0, 2)] == [2, 4]
    assert "memory" in results[1].sentence
    assert "exit code 3" in results[3].sentence


@pytest.mark.journey
def test_workers_compute_with_one_thread_and_leave_the_parents_settings_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    ((_, (variable, threads, process)),) = run_each(work, ["threads"], 1)
    assert (variable, threads) == ("1", 1)
    assert process != os.getpid()
    assert os.environ["OMP_NUM_THREADS"] == "7"


@pytest.mark.journey
def test_leaving_the_loop_early_ends_the_workers() -> None:
    started = time.monotonic()
    results = run_each(work, [1, "sleeps", "sleeps"], 2)
    assert next(results) == (0, 2)
    results.close()  # what Ctrl-C in the loop does
    assert time.monotonic() - started < 40


def test_a_worker_ends_tidily_when_its_parent_is_killed(tmp_path: Path) -> None:
    place, program = tmp_path / "lock", Path(__file__).with_name("orphans.py")
    parent = subprocess.Popen([sys.executable, str(program), str(place)])
    assert within(90, place.with_suffix(".held").is_file)
    parent.kill()
    parent.wait()
    assert within(9, lambda: is_free(place))
    assert place.with_suffix(".tidied").is_file()


TOLD = """
import os, signal, sys
from medical_transformer.preprocessing.workers import ASKED, _leave
for number in (ASKED, signal.SIGTERM):
    signal.signal(number, _leave)
first, *others = [{"asked": ASKED, "term": signal.SIGTERM}[word] for word in sys.argv[1:]]
try:
    os.kill(os.getpid(), first)
finally:
    for number in others:
        os.kill(os.getpid(), number)
    print("tidied")
"""


@pytest.mark.parametrize(
    ("told", "ended", "tidied"),
    [
        (("term", "term"), -signal.SIGTERM, False),
        (("term", "asked"), 128 + signal.SIGTERM, True),  # by a cluster, and then by the parent
        (("asked", "term"), 128 + signal.SIGTERM, True),
    ],
)
def test_a_second_sigterm_ends_a_worker_at_once_and_the_parents_word_counts_for_none(
    told: tuple[str, ...], ended: int, tidied: bool
) -> None:
    done = subprocess.run([sys.executable, "-c", TOLD, *told], capture_output=True, text=True, check=False)
    assert (done.returncode, "tidied" in done.stdout) == (ended, tidied)


def within(seconds: float, holds: Callable[[], bool]) -> bool:
    """Tell whether something comes true in time."""
    end = time.monotonic() + seconds
    while not holds() and time.monotonic() < end:
        time.sleep(0.05)
    return holds()


def is_free(path: Path) -> bool:
    """Tell whether no process holds the lock of a file any more."""
    with path.open(encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
    return True
