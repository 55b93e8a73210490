"""One run at a time writes into a folder, and nothing is left of runs that ended in any way."""

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from medical_transformer.errors import ConfigError
from medical_transformer.volumes import claims
from medical_transformer.volumes.claims import claimed, one_run, one_shared_run

HOLDER = """
import sys, time
from pathlib import Path
from medical_transformer.volumes.claims import claimed
with claimed(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


@one_run
def job(prepared: str, out: Path, *, answer: int = 1) -> int:
    """Be a job that writes into a folder."""
    return answer + len(prepared)


@one_shared_run
def shared_job(prepared: str, out: Path) -> int:
    """Be a job that processes share."""
    return 1 + len(prepared)


def test_a_second_run_is_refused_and_a_killed_one_leaves_no_claim(tmp_path: Path) -> None:
    holder = subprocess.Popen([sys.executable, "-c", HOLDER, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    with pytest.raises(ConfigError, match=rf"written to by another run \(process {holder.pid} on "):
        job("a", tmp_path)
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    assert job("a", out=tmp_path, answer=4) == 5
    assert list(tmp_path.iterdir()) == []


def test_a_claim_ends_with_its_block_also_by_an_error(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "run"
    for _ in range(2):
        with pytest.raises(ZeroDivisionError), claimed(folder):
            _ = 1 / 0
        assert list(tmp_path.iterdir()) == []
    with claimed(folder):
        (folder / "result").write_text("kept", encoding="utf-8")
    assert [path.name for path in folder.iterdir()] == ["result"]


def test_a_folder_that_cannot_be_written_to_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match=r"run: .*file is not a folder; choose another place"):
        job("a", tmp_path / "file" / "run")


@pytest.mark.parametrize(
    "variables", [{"WORLD_SIZE": "2", "RANK": "1"}, {"SLURM_STEP_NUM_TASKS": "2", "SLURM_PROCID": "1"}]
)
def test_processes_that_share_a_job_are_one_run_and_others_are_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str]
) -> None:
    with claimed(tmp_path):
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        assert shared_job("a", tmp_path) == 2
        with pytest.raises(ConfigError):  # it shares no work: each process would do all of it
            job("a", tmp_path)
        monkeypatch.setenv("RANK", "0")
        monkeypatch.setenv("SLURM_PROCID", "0")
        with pytest.raises(ConfigError):
            shared_job("a", tmp_path)


def test_a_file_system_without_locks_is_told_and_stops_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def no_lock(file: Any, how: int) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(claims.fcntl, "flock", no_lock)
    assert job("a", tmp_path) == 2
    assert "cannot be locked (no locks available); see to it yourself" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_who_waited_for_a_file_that_was_deleted_takes_the_new_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, taken = claims.fcntl.flock, []

    def lock_too_late(file: Any, how: int) -> None:
        if not taken:
            (tmp_path / claims.NAME).unlink()  # as the last holder does
        taken.append(how)
        real(file, how)

    monkeypatch.setattr(claims.fcntl, "flock", lock_too_late)
    with claimed(tmp_path):
        assert (tmp_path / claims.NAME).read_text(encoding="utf-8").startswith(f"process {os.getpid()} on")
    assert len(taken) == 2
