"""Every method of the paper's Tables 1 and 3, and the two that it lacks, from drawn raw scans to scored answers.

Nothing is said of a score: on seven drawn heads and after one epoch it means nothing.
"""

import csv
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch

from medical_transformer.backbones import BACKBONES
from medical_transformer.cli.app import build_app
from medical_transformer.cli.pretrain import METHODS as PRETEXTS
from medical_transformer.cohorts import Cohort, index
from medical_transformer.cohorts.phantoms import write_ixi
from medical_transformer.errors import ConfigError
from medical_transformer.evaluation import EvaluationResult
from medical_transformer.experiments import methods, overlays
from medical_transformer.preprocessing import DEFAULT, prepare
from medical_transformer.tasks import load_model
from medical_transformer.volumes import read_label_map

pytestmark = pytest.mark.journey

# With this seed three of the seven are female, three male and one of unknown sex; two are of unknown age.
SUBJECTS, SEED = 7, 1
# 8 mm: 24x28x24 voxels. Leaving the bias out saves the slowest step, which other journeys go through.
PIPELINE = DEFAULT.model_copy(update={"pool": 8, "bias_field": "none"})
TRAINING = ("--epochs", "1", "--batch-size", "2", "--learning-rate", "1e-3", "--device", "cpu")
TASKS: Mapping[str, str] = {
    "sex": "classification",
    "age_years": "regression",
    "segmentation": "segmentation",
}


@dataclass(frozen=True)
class Way:
    """A row of Table 1: a network, and how it is taught without labels, if it is.

    Attributes:
        backbone: its name.
        pretext: `--method` of `pretrain`; none is from scratch.
        settings: what a settings file says of the backbone.
        folds: of its cross-validation; fewer for networks that are slow.
    """

    backbone: str
    pretext: str | None = None
    settings: str = ""
    folds: int = 4

    def __str__(self) -> str:
        return self.pretext or self.backbone


WAYS = (
    Way("medical-transformer", "medical-transformer"),
    Way("medical-transformer", "slice-tissues"),
    Way("3d-ssl", "3d-rpl"),
    Way("3d-ssl", "3d-rotation"),
    Way("3d-ssl", "3d-jigsaw"),
    Way("3d-ssl", "3d-cpc"),
    Way("3d-ssl", "3d-exemplar"),
    Way("models-genesis", "models-genesis", folds=3),
    Way("i3d"),
    Way("niftynet-vnet"),
    Way("niftynet-highres3dnet", folds=3),
    Way("medicalnet"),
    Way("swin-unetr"),
    Way("tissue-volumes", settings="shape: [24, 28, 24], cube: 4"),
)


def medtrans(*words: str | Path) -> None:
    """Run a verb in this process, as a user would type it."""
    build_app()(args=list(map(str, words)), standalone_mode=False)


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """On a shared machine threads wait for one another longer than these networks compute."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module", autouse=True)
def few_resamples_and_pictures() -> Iterator[None]:
    """Draw fewer bootstrap samples and pictures than a real report has; the other journeys have them all."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(EvaluationResult.summary.__kwdefaults__, "resamples", 40)
        patch.setattr(overlays, "SHOWN", 2)
        yield


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Heads in the layout of IXI; the tissues that they were drawn with lie beside them as IXI's label maps do."""
    work = tmp_path_factory.mktemp("drawn")
    write_ixi(work / "raw", SUBJECTS, seed=SEED, truth_folder=work / "truth")
    (work / "raw" / "DLMUSE").mkdir()
    for path in (work / "truth").glob("*_tissue.nii.gz"):
        path.rename(work / "raw" / "DLMUSE" / path.name.replace("_tissue", "-DLMUSE"))
    prepare(index(work / "raw", work / "cohort").cohort, work / "prepared", PIPELINE)
    return work / "prepared"


@pytest.fixture(scope="module")
def weights() -> Mapping[str, int]:
    """How many weights Table 3 counts for a regression, by backbone."""
    return {method.name: method.parameters["regression"] for method in methods()}


def test_no_method_is_missing_here() -> None:
    assert {way.pretext for way in WAYS} - {None} == set(PRETEXTS)
    assert {way.backbone for way in WAYS} == {*BACKBONES, "tissue-volumes"}


@pytest.mark.parametrize("way", WAYS, ids=str)
def test_a_method_goes_from_prepared_scans_to_scored_answers(
    way: Way, prepared: Path, weights: Mapping[str, int], tmp_path: Path
) -> None:
    start = start_of(way, prepared, tmp_path)
    for label, kind in TASKS.items():
        words = (prepared, "--label", label, *start, *TRAINING)
        if way.backbone == "tissue-volumes" and kind == "segmentation":
            with pytest.raises(ConfigError, match="no feature maps"):
                medtrans("finetune", *words, "--out", tmp_path / kind)
            continue
        medtrans("finetune", *words, "--out", tmp_path / kind)
        check_model(tmp_path / kind, way, kind)
        medtrans("evaluate", *words, "--out", tmp_path / f"tested-{kind}", "--folds", str(way.folds))
        result = EvaluationResult.load(tmp_path / f"tested-{kind}")
        check_result(result, tmp_path / f"tested-{kind}", labelled(prepared, label), way.folds)
        if kind == "regression":  # a head of one output on one modality, as Table 3 counts it; measurements have none
            assert result.parameters == weights.get(way.backbone, result.parameters)


def start_of(way: Way, prepared: Path, tmp_path: Path) -> tuple[str | Path, ...]:
    """Pre-train where the method does, and return the options that a fine-tuning starts with."""
    if way.pretext is None:
        settings = tmp_path / "settings.yaml"
        settings.write_text(f"backbone: {{name: {way.backbone}, settings: {{{way.settings}}}}}\n", encoding="utf-8")
        return ("--config", settings)
    run = tmp_path / "pretrained"
    words = ("--method", way.pretext, "--backbone", way.backbone, "--masked-epochs", "1")
    medtrans("pretrain", prepared, "--out", run, *words, *TRAINING)
    assert load_model(run / "encoder").about["method"] == way.pretext
    assert set(losses(run / "stage-1")) > {"training_loss", "validation_loss"}
    assert "Chance" in (run / "report.html").read_text(encoding="utf-8")
    assert (run / "permutations.tsv").is_file() == (way.pretext == "3d-jigsaw")
    assert (run / "encoder" / "decoder.safetensors").is_file() == (way.pretext == "models-genesis")
    return ("--encoder", run / "encoder")


def losses(folder: Path) -> dict[str, float]:
    """Return the numbers of a journal's only epoch, all finite."""
    with (folder / "journal.tsv").open(encoding="utf-8") as file:
        (row,) = csv.DictReader(file, delimiter="\t")
    numbers = {name: float(value) for name, value in row.items() if value}
    assert all(math.isfinite(value) for value in numbers.values()), numbers
    return numbers


def check_model(run: Path, way: Way, kind: str) -> None:
    saved = load_model(run / "model")
    assert saved.backbone["name"] == way.backbone
    assert saved.field_of_view == (24, 28, 24)
    assert all(tensor.isfinite().all() for tensor in saved.network.state_dict().values())
    assert losses(run).keys() > {"training_loss", "validation_loss"}
    assert kind in (run / "model" / "README.md").read_text(encoding="utf-8")


def labelled(prepared: Path, label: str) -> tuple[str, ...]:
    """Name the subjects that a task has an answer for."""
    cohort = Cohort.load(prepared)
    return (cohort if label == "segmentation" else cohort.with_label(label)).subjects


def check_result(result: EvaluationResult, run: Path, subjects: Sequence[str], folds: int) -> None:
    """Every labelled subject is answered exactly once, with probabilities, a finite number or a label map."""
    assert sorted(one.subject for one in result.predictions) == sorted(subjects)
    assert [fold.fold for fold in result.folds] == list(range(1, folds + 1))
    assert all((run / name).is_file() for name in ("report.html", "metrics.json", "predictions.tsv", "folds.tsv"))
    for one in result.predictions:
        if result.task == "classification":
            assert sum(one.probabilities.values()) == pytest.approx(1, abs=1e-5)
        elif result.task == "regression":
            assert math.isfinite(float(one.prediction))
        else:
            dice = [value for name, value in one.metrics.items() if name.startswith("dice")]
            assert len(dice) == 3
            assert all(0 <= value <= 1 for value in dice)
            predicted, _ = read_label_map(run / str(one.prediction))
            assert set(predicted.voxels.ravel().tolist()) <= {0, 1, 2, 3}
