"""Workers do the same work as this process, and one that dies takes only its piece with it."""

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from medical_transformer.evaluation import EvaluationResult
from medical_transformer.experiments.comparison import ComparisonConfig, compare, grid
from medical_transformer.experiments.comparison.grid import Job, Where, run_jobs
from medical_transformer.experiments.comparison.units import Unit


@pytest.mark.journey
def test_workers_come_to_the_same_result(experiment: Callable[..., ComparisonConfig], tmp_path: Path) -> None:
    methods = {"classical": {"kind": "classical"}}
    here = compare(experiment(methods=methods, reference="classical"), tmp_path / "here")
    there = compare(experiment(methods=methods, reference="classical"), tmp_path / "there", workers=2)
    assert repr(here.trials.trials) == repr(there.trials.trials)


@pytest.mark.journey
def test_a_worker_that_dies_is_told(
    experiment: Callable[..., ComparisonConfig], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(grid, "do", die)
    unit = Unit("brain-age", "scratch", 1.0, 0, 1)
    (done,) = run_jobs([Job(experiment(), Path("nowhere"), unit)], Where(workers=1))
    assert done.work == unit
    assert "was killed" in done.reason


def die(job: Job) -> EvaluationResult:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError(job)
