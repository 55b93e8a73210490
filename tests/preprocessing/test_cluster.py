import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from medical_transformer.errors import PreparationError
from medical_transformer.preprocessing.cluster import Lost, run_on_cluster

distributed = pytest.importorskip("distributed")
dask = pytest.importorskip("dask")


def work(job: Any) -> Any:
    """Double a number; or die, once or always."""
    number, kind, folder = job
    met = Path(folder) / f"{number}"
    if kind == "dies always" or (kind == "dies once" and not met.exists()):
        met.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    if kind == "fails once" and not met.exists():
        met.touch()
        raise OSError("the disk is away for a moment")
    time.sleep(0.02)
    return number * 2


@pytest.fixture
def cluster() -> Any:
    with (
        dask.config.set({"distributed.scheduler.allowed-failures": 1}),
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None, silence_logs=50
        ) as started,
    ):
        yield started


@pytest.mark.journey  # half a minute for processes that start and die
def test_a_lost_workers_jobs_are_done_again_and_a_job_that_kills_is_named(cluster: Any, tmp_path: Path) -> None:
    kinds = {3: "dies once", 5: "fails once", 8: "dies always"}
    jobs = [(number, kinds.get(number, "works"), str(tmp_path)) for number in range(12)]
    results = dict(run_on_cluster(work, jobs, cluster.scheduler_address))
    lost = results.pop(8)
    assert results == {number: 2 * number for number in range(12) if number != 8}
    assert isinstance(lost, Lost)
    assert "2 workers of the cluster were lost" in lost.sentence


def test_an_address_where_nobody_answers_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("medical_transformer.preprocessing.cluster.CONNECT_SECONDS", 1)
    with pytest.raises(PreparationError, match="No dask scheduler answers"):
        list(run_on_cluster(work, [], "tcp://127.0.0.1:9"))
