"""Every way to pre-train, from drawn raw scans to an encoder that a fine-tuning starts from."""

import csv
from pathlib import Path
from typing import Any

import pytest

from medical_transformer.cli.pretrain import METHODS
from medical_transformer.cohorts import index
from medical_transformer.cohorts.phantoms import write_ixi
from medical_transformer.experiments import FinetuneConfig, PretrainConfig, finetune, pretrain
from medical_transformer.preprocessing import prepare
from medical_transformer.tasks import Regression

SUBJECTS = 6
# Where a few steps suffice to see the training loss fall.
FALLS = {"3d-exemplar", "models-genesis"}
TRAINING = {"batch_size": 2, "learning_rate": 1e-3, "compile": "never", "device": "cpu"}
POOLED = {"pool": 4}


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    work = tmp_path_factory.mktemp("drawn")
    write_ixi(work / "raw", SUBJECTS, seed=0)
    prepare(index(work / "raw", work / "cohort").cohort, work / "prepared", workers=2)
    return work / "prepared"


@pytest.mark.journey
@pytest.mark.parametrize("method", METHODS)
def test_every_method_leaves_an_encoder_to_start_from(method: str, prepared: Path, tmp_path: Path) -> None:
    backbone: dict[str, Any] = {"name": "3d-ssl" if method.startswith("3d-") else method}
    stages = {"exemplar": {**TRAINING, "epochs": 4}, "masked": {**TRAINING, "epochs": 2}}
    config = PretrainConfig.model_validate(
        {
            "method": {"name": method},
            "backbone": backbone,
            "input": POOLED,
            "validation": 0.33,
            "training": {**TRAINING, "epochs": 4},
            **stages,
        }
    )
    encoder = pretrain(prepared, tmp_path / "run", config).folder
    with (tmp_path / "run" / "stage-1" / "journal.tsv").open(encoding="utf-8") as file:
        losses = [float(row["training_loss"]) for row in csv.DictReader(file, delimiter="\t")]
    assert len(losses) == 4
    assert method not in FALLS or min(losses[1:]) < losses[0], losses
    assert "Chance" in (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
    assert (tmp_path / "run" / "permutations.tsv").is_file() == (method == "3d-jigsaw")
    tuning = FinetuneConfig.model_validate(
        {
            "task": Regression(label="age_years", unit="years"),
            "backbone": backbone,
            "input": POOLED,
            "encoder": str(encoder),
            "validation": 0.33,
            "training": {**TRAINING, "epochs": 1},
        }
    )
    assert (finetune(prepared, tmp_path / "age", tuning).folder / "model.safetensors").is_file()
