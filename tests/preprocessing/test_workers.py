import os
import signal
import time
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
