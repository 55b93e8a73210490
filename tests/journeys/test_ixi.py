"""From raw heads to a result, on a dozen real scans of IXI, as a user would type it."""

import csv
import json
import subprocess
import sys
from pathlib import Path

import nibabel
import numpy as np
import pytest
import torch

from medical_transformer.experiments.config import InputConfig
from medical_transformer.experiments.data import open_data
from medical_transformer.tasks import TaskModel, find_model, load_model

REAL = Path(__file__).resolve().parents[3] / "shared" / "data" / "ixi"
pytestmark = [
    pytest.mark.journey,
    pytest.mark.real,
    pytest.mark.skipif(not REAL.is_dir(), reason="the open scans are not beside the checkout"),
]
SCANS, DAMAGED, BLANK = 12, "IXI999-HH-9999-T1.nii.gz", "IXI998-HH-9998-T1.nii.gz"


def medtrans(*words: str | Path, status: int = 0) -> str:
    """Run a verb, expect an exit status, and return what it said."""
    command = [sys.executable, "-c", "from medical_transformer.cli import main; main()", *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == status, done.stderr[-3000:]
    assert "Traceback" not in done.stderr
    return done.stdout + done.stderr


def table(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8") as file:
        return list(csv.DictReader(file, delimiter="\t"))


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve heads, a truncated one and a blank one, with the whole table, indexed and prepared."""
    work = tmp_path_factory.mktemp("ixi")
    raw = work / "raw" / "IXI-T1"
    raw.mkdir(parents=True)
    for path in sorted((REAL / "IXI-T1").iterdir())[:SCANS]:
        (raw / path.name).symlink_to(path)
    whole = (raw / path.name).read_bytes()
    (raw / DAMAGED).write_bytes(whole[: len(whole) // 2])
    head = nibabel.load(path)
    nibabel.save(nibabel.Nifti1Image(np.zeros(head.shape, np.uint8), head.affine, head.header), raw / BLANK)
    (work / "raw" / "IXI.csv").write_bytes((REAL / "IXI.csv").read_bytes())
    said = medtrans("index", work / "raw", "--out", work / "cohort", status=1)
    assert DAMAGED in said
    said = medtrans("prepare", work / "cohort", "--out", work / "prepared", status=1)
    assert BLANK in said
    return work


@pytest.fixture(scope="module")
def encoder(work: Path) -> Path:
    medtrans(
        "pretrain", work / "prepared", "--out", work / "pretrained", "--pool", "2", "--epochs", "3",
        "--masked-epochs", "20", "--batch-size", "4", "--learning-rate", "1e-3",
    )  # fmt: skip
    return work / "pretrained" / "encoder"


def test_every_file_and_row_is_accounted_for(work: Path) -> None:
    ledger = table(work / "cohort" / "ledger.tsv")
    files = {Path(entry["item"]).name for entry in ledger if entry["kind"] == "file"}
    assert files == {path.name for path in (work / "raw").rglob("*") if path.is_file()}
    with (work / "raw" / "IXI.csv").open(encoding="utf-8") as file:
        assert sum(entry["kind"] == "row" for entry in ledger) == sum(1 for _ in csv.DictReader(file))


def test_prepared_scans_lie_on_the_grid_of_the_paper(work: Path) -> None:
    prepared = table(work / "prepared" / "cohort.tsv")
    assert len(prepared) == SCANS
    for row in prepared:
        image = nibabel.load(work / "prepared" / row["path"])
        voxels = image.get_fdata()
        assert image.shape == (96, 114, 96)
        assert np.allclose(image.affine[:3, 3], (-95.5, -131.5, -77.5))
        assert nibabel.aff2axcodes(image.affine) == ("R", "A", "S")
        assert voxels.min() == 0
        assert voxels.max() <= 1


@pytest.mark.parametrize(
    ("step", "name", "words"), [("cohort", DAMAGED, "is cut short"), ("prepared", BLANK, "every voxel is 0")]
)
def test_a_damaged_scan_is_refused_with_a_reason_and_the_others_go_on(
    work: Path, step: str, name: str, words: str
) -> None:
    ledger = table(work / step / "ledger.tsv")
    refused = [entry for entry in ledger if (entry["kind"], entry["verdict"]) == ("scan", "refused")]
    assert [entry["item"] for entry in refused] == [name.removesuffix("-T1.nii.gz")]
    assert words in refused[0]["reason"]


def test_there_is_a_picture_per_prepared_scan(work: Path) -> None:
    assert len(list((work / "prepared" / "figures").glob("*.png"))) == SCANS


def test_both_stages_learn(encoder: Path) -> None:
    for stage in ("stage-1", "stage-2"):
        losses = [float(row["training_loss"]) for row in table(encoder.parent / stage / "journal.tsv")]
        assert np.isfinite(losses).all()
        assert losses[-1] < losses[0]


def test_an_evaluation_tests_everybody_once_and_leaves_a_report(work: Path, encoder: Path) -> None:
    out = work / "evaluated"
    medtrans(
        "evaluate", work / "prepared", "--out", out, "--label", "age_years", "--encoder", encoder, "--folds", "3",
        "--epochs", "2", "--batch-size", "4",
    )  # fmt: skip
    predictions = table(out / "predictions.tsv")
    assert sorted(row["scan"] for row in predictions) == sorted(
        row["scan"] for row in table(work / "prepared" / "cohort.tsv")
    )
    assert np.isfinite([float(row["prediction"]) for row in predictions]).all()
    assert json.loads((out / "metrics.json").read_text(encoding="utf-8"))
    assert "<svg" in (out / "report.html").read_text(encoding="utf-8")


def test_a_fine_tuned_model_answers_on_a_raw_scan(work: Path, encoder: Path) -> None:
    medtrans(
        "finetune", work / "prepared", "--out", work / "model", "--label", "sex", "--encoder", encoder,
        "--epochs", "2", "--batch-size", "4",
    )  # fmt: skip
    raw = sorted((REAL / "IXI-T1").iterdir())[SCANS]
    medtrans("predict", raw, "--model", work / "model" / "model", "--out", work / "answers")
    (row,) = table(work / "answers" / "predictions.tsv")
    assert row["scan"] == raw.name
    assert row["sex"] in {"female", "male"}
    assert float(row["probability_female"]) + float(row["probability_male"]) == pytest.approx(1, abs=1e-3)


def test_a_model_tells_of_a_raw_scan_what_it_tells_of_the_prepared_one(work: Path) -> None:
    """The intracranial volume, which `sex` reads, takes another way in `predict` than in a cohort."""
    data = open_data(work / "prepared", InputConfig())
    (raw,) = (work / "raw").rglob(f"{data.cohort.scans[0].name}*.nii.gz")
    medtrans("predict", raw, "--model", "sex", "--out", work / "told")
    network = load_model(find_model("sex")).network
    assert isinstance(network, TaskModel)
    with torch.inference_mode():
        scores = network(torch.from_numpy(data.store.volumes([0])), data.log_icv([0]))
    (path,) = (work / "told").glob("*.json")
    told = json.loads(path.read_text(encoding="utf-8"))["answers"]
    odds = np.log(told["probability_male"] / told["probability_female"])
    assert odds == pytest.approx(float(scores[0, 1] - scores[0, 0]), abs=0.1)
