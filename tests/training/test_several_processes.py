"""Two processes, started by torchrun, learn what one learns."""

import json
from pathlib import Path

import pytest

from medical_transformer.errors import ConfigError
from medical_transformer.training.devices import count_processes
from tests.torchrun import run_in_two_processes

from . import several_processes

PROCESSES = ("WORLD_SIZE", "LOCAL_WORLD_SIZE", "SLURM_STEP_NUM_TASKS", "SLURM_STEP_TASKS_PER_NODE")


@pytest.mark.journey
def test_two_processes_give_the_losses_and_gradients_of_one(tmp_path: Path) -> None:
    """With triplets over the whole batch, dropout, Dice over the batch, and batches that two cannot share evenly."""
    out = tmp_path / "learnt.json"
    run_in_two_processes(several_processes.__file__, out)
    found = json.loads(out.read_text())
    assert found["processes"] == 2
    for two, one in zip(found["learnt"], several_processes.learn(), strict=True):
        assert two == pytest.approx(one, rel=1e-3, abs=1e-6)
    assert {path.name for path in (tmp_path / "0").iterdir()} == {"checkpoint.safetensors", "journal.tsv"}


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, (1, 1)),
        ({"WORLD_SIZE": "6", "LOCAL_WORLD_SIZE": "3"}, (3, 2)),
        ({"SLURM_STEP_NUM_TASKS": "8", "SLURM_STEP_TASKS_PER_NODE": "4(x2)"}, (4, 2)),
        # A shell inside a SLURM job, without srun: one process.
        ({"SLURM_NTASKS": "8"}, (1, 1)),
    ],
)
def test_the_starter_says_how_many_processes_there_are(
    environment: dict[str, str], expected: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in PROCESSES:
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert count_processes() == expected


def test_nodes_with_different_numbers_of_processes_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLURM_STEP_NUM_TASKS", "5")
    monkeypatch.setenv("SLURM_STEP_TASKS_PER_NODE", "3,2")
    with pytest.raises(ConfigError, match="3,2"):
        count_processes()
