"""The command of the README with `torchrun` before it."""

import csv
import sys
from pathlib import Path

import pytest

from medical_transformer.experiments import PretrainConfig, pretrain
from tests.torchrun import run_in_two_processes

from .conftest import BACKBONE, training


def losses(run: Path) -> list[float]:
    """Return the losses of all epochs of both stages."""
    found = []
    for stage in ("stage-1", "stage-2"):
        with (run / stage / "journal.tsv").open(encoding="utf-8") as file:
            rows = list(csv.DictReader(file, delimiter="\t"))
        found += [float(row[name]) for row in rows for name in ("training_loss", "validation_loss")]
    return found


@pytest.mark.journey
def test_medtrans_pretrain_learns_in_two_processes_what_it_learns_in_one(prepared: Path, tmp_path: Path) -> None:
    config = PretrainConfig(backbone=BACKBONE, exemplar=training(), masked=training(), validation=0.33)
    pretrain(prepared, tmp_path / "one", config)
    settings = tmp_path / "settings.json"
    settings.write_text(config.model_dump_json(), encoding="utf-8")
    medtrans = Path(sys.executable).parent / "medtrans"
    run_in_two_processes(medtrans, "pretrain", prepared, "--out", tmp_path / "two", "--config", settings)
    assert len(losses(tmp_path / "two")) == 8
    assert losses(tmp_path / "two") == pytest.approx(losses(tmp_path / "one"), rel=1e-3)
    written = {path.name for path in (tmp_path / "two" / "encoder").iterdir()}
    assert written == {"model.safetensors", "config.json", "README.md"}
