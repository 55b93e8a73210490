import os
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from medical_transformer.cohorts import Cohort, Scan, Verdict
from medical_transformer.preprocessing import PipelineConfig, finished
from medical_transformer.preprocessing.derivatives import written_files
from medical_transformer.preprocessing.finished import keeping, recognise
from medical_transformer.preprocessing.job import Job, Outcome

GOOD = Outcome(Verdict.PREPARED, "", "0123", {"brain_ml": 1400.0}, signature=b"\x01\xff")


@pytest.fixture
def jobs(make_cohort: Callable[..., Cohort], quick: PipelineConfig, tmp_path: Path) -> list[Job]:
    raw, out = make_cohort(2), tmp_path / "out"
    made = [Job(scan, raw.root, out, quick) for scan in raw.scans]
    for job in made:
        for path in written_files(job.scan, job.config, Verdict.PREPARED):
            (out / path).parent.mkdir(parents=True, exist_ok=True)
            (out / path).touch()
    with keeping(out) as keep:
        for job in made:
            keep(job, GOOD)
    return made


def test_finished_scans_are_recognised_with_all_that_was_known(jobs: list[Job]) -> None:
    found = recognise(jobs, jobs[0].out)
    assert list(found) == [0, 1]
    assert found[1].resumed
    assert (found[1].content_hash, found[1].quality, found[1].signature) == ("0123", {"brain_ml": 1400.0}, b"\x01\xff")


def test_a_changed_input_a_lost_file_and_another_pipeline_are_noticed(jobs: list[Job]) -> None:
    os.utime(jobs[0].inputs()["T1w"])
    assert list(recognise(jobs, jobs[0].out)) == [1]
    (jobs[1].out / written_files(jobs[1].scan, jobs[1].config, Verdict.PREPARED)[0]).unlink()
    assert not recognise(jobs, jobs[0].out)


def test_another_volume_of_the_same_file_is_another_input(jobs: list[Job]) -> None:
    (path,) = jobs[0].inputs().values()
    addressed = [
        replace(jobs[0], scan=replace(jobs[0].scan, images={"T1w": Path(f"{path.name}[volume={number}]")}))
        for number in (0, 2)
    ]
    with keeping(jobs[0].out) as keep:
        keep(addressed[0], GOOD)
    assert recognise(addressed[:1], jobs[0].out)
    assert not recognise(addressed[1:], jobs[0].out)


def test_a_line_that_was_cut_off_loses_only_its_scan(jobs: list[Job]) -> None:
    path = jobs[0].out / finished.NAME
    path.write_bytes(path.read_bytes()[:-40])
    assert list(recognise(jobs, jobs[0].out)) == [0]
    with keeping(jobs[0].out) as keep:
        keep(jobs[1], GOOD)
    assert list(recognise(jobs, jobs[0].out)) == [0, 1]


@pytest.mark.parametrize("damage", [b"}{}\n", b"[1]\n", b'{"scan": "s1"}\n', b"\xff\x00\n", b"4\n"])
def test_a_damaged_line_ends_no_run_and_loses_only_its_scan(jobs: list[Job], damage: bytes) -> None:
    path = jobs[0].out / finished.NAME
    first, _ = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(damage + first + damage)
    assert list(recognise(jobs, jobs[0].out)) == [0]


def test_many_thousand_scans_are_recognised_in_seconds(jobs: list[Job], monkeypatch: pytest.MonkeyPatch) -> None:
    # without the disk: what remains must be linear and quick
    class State:
        st_size, st_mtime_ns = 7, 8

    def stat(_: Any, **__: Any) -> Any:
        return State

    first = jobs[0]
    many = [
        Job(Scan(subject=f"x{n}", name=f"x{n}", images=first.scan.images), first.root, first.out, first.config)
        for n in range(5000)
    ]
    monkeypatch.setattr(Path, "stat", stat)
    monkeypatch.setattr(os, "stat", stat)
    monkeypatch.setattr(finished, "_read", lambda _: {})
    lines = {job.scan.name: finished._line(job, GOOD) for job in many}
    monkeypatch.setattr(finished, "_read", lambda _: lines)
    start = time.process_time()
    assert len(recognise(many, first.out)) == 5000
    assert time.process_time() - start < 5
