"""Every way to pre-train, from drawn raw scans to an encoder that a fine-tuning starts from, as a user types it."""

import csv
import subprocess
import sys
from pathlib import Path

import pytest

from medical_transformer.cli.pretrain import METHODS

SUBJECTS = 6
# Where a few steps suffice to see the training loss fall.
FALLS = {"3d-exemplar", "models-genesis"}
SETTINGS = """
validation: 0.33
training: {batch_size: 2, learning_rate: 1.0e-3, compile: never}
exemplar: {batch_size: 2, learning_rate: 1.0e-3, compile: never}
"""


def medtrans(*words: str | Path) -> None:
    command = [sys.executable, "-c", "from medical_transformer.cli import main; main()", *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    work = tmp_path_factory.mktemp("drawn")
    medtrans("draw", "ixi", "--out", work / "raw", "--count", str(SUBJECTS))
    medtrans("index", work / "raw", "--out", work / "cohort")
    medtrans("prepare", work / "cohort", "--out", work / "prepared")
    (work / "settings.yaml").write_text(SETTINGS, encoding="utf-8")
    return work / "prepared"


@pytest.mark.journey
def test_every_method_leaves_an_encoder_to_start_from(prepared: Path) -> None:
    work = prepared.parent
    for method in METHODS:
        out = work / method
        options = ["--method", method, "--pool", "4", "--epochs", "4", "--masked-epochs", "2", "--device", "cpu"]
        medtrans("pretrain", prepared, "--out", out, "--config", work / "settings.yaml", *options)
        with (out / "stage-1" / "journal.tsv").open(encoding="utf-8") as file:
            losses = [float(row["training_loss"]) for row in csv.DictReader(file, delimiter="\t")]
        assert len(losses) == 4
        assert method not in FALLS or min(losses[1:]) < losses[0], (method, losses)
        assert "Chance" in (out / "report.html").read_text(encoding="utf-8")
        assert (out / "permutations.tsv").is_file() == (method == "3d-jigsaw")
        encoder = ["--encoder", out / "encoder", "--config", work / "finetune.yaml"]
        (work / "finetune.yaml").write_text("validation: 0.33\ntraining: {compile: never}\n", encoding="utf-8")
        medtrans("finetune", prepared, "--out", out / "age", "--label", "age_years", "--epochs", "1", *encoder)
        assert (out / "age" / "model" / "model.safetensors").is_file()
