"""A published model names nobody, answers as it did, and is still known to whoever tests it."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from medical_transformer.cohorts import Cohort
from medical_transformer.errors import ConfigError, LeakageError, WeightsError
from medical_transformer.evaluation import EvaluationResult
from medical_transformer.evaluation.results import FoldResult, SubjectPrediction
from medical_transformer.experiments import FinetuneConfig, export, finetune, models
from medical_transformer.experiments.comparison import ComparisonConfig, compare
from medical_transformer.experiments.half_precision import halving_changes
from medical_transformer.experiments.seen import seen_subjects
from medical_transformer.tasks import Classification, Regression, TaskModel, VectorHead, load_model, save_model, shipped

from .conftest import BACKBONE, training


def age_result(label: str, parameters: int = 0) -> EvaluationResult:
    """Return a result of six subjects in three folds, with errors of 3, 3, 5, 5, 4 and 4 years."""
    errors = (3, -3, 5, -5, 4, -4)
    predictions = tuple(
        SubjectPrediction(
            scan=f"scan-{number}", subject=f"person-{number}", fold=1 + number // 2, truth=40.0 + number,
            prediction=40.0 + number + error,
        )
        for number, error in enumerate(errors)
    )  # fmt: skip
    folds = tuple(FoldResult(fold=fold, metrics={"mae": mae}) for fold, mae in ((1, 3.0), (2, 5.0), (3, 4.0)))
    return EvaluationResult(
        task="regression", label=label, unit="years", primary_metric="mae", predictions=predictions, folds=folds,
        parameters=parameters,
    )  # fmt: skip


@pytest.fixture(scope="module")
def model(prepared: Path, encoder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a model of age that was fine-tuned from an encoder."""
    config = FinetuneConfig(
        task=Regression(label="age_years", unit="years"), backbone=BACKBONE, training=training(epochs=1),
        encoder=str(encoder), validation=0.33,
    )  # fmt: skip
    return finetune(prepared, tmp_path_factory.mktemp("age"), config).folder


def written(folder: Path) -> str:
    """Return all text of a folder, the header of its weights included."""
    return "".join(path.read_bytes().decode("utf-8", "replace") for path in sorted(folder.iterdir()))


def renamed(prepared: Path, folder: Path, *, cohort: str, subject: str) -> Cohort:
    """Return the drawn cohort under other names."""
    text = (prepared / "cohort.tsv").read_text().replace("sub-", subject)
    folder.mkdir()
    (folder / "cohort.tsv").write_text(text)
    about = json.loads((prepared / "cohort.json").read_text()) | {"name": cohort, "root": str(prepared)}
    (folder / "cohort.json").write_text(json.dumps(about))
    return Cohort.load(folder)


@pytest.mark.parametrize("hashes", [False, True])
def test_neither_names_nor_paths_go_along(
    model: Path, prepared: Path, encoder: Path, hashes: bool, tmp_path: Path
) -> None:
    export(model, tmp_path / "brain-age", subject_hashes=hashes)
    text = written(tmp_path / "brain-age")
    assert not [subject for subject in Cohort.load(prepared).subjects if subject in text]
    for path in (model, prepared, encoder, tmp_path):
        assert str(path) not in text
    assert load_model(tmp_path / "brain-age").about["subject_count"] == 8


def test_what_is_unknown_to_export_stays_behind(model: Path, tmp_path: Path) -> None:
    saved = load_model(model)
    save_model(replace(saved, about={**saved.about, "scanner": "/home/ann"}), tmp_path / "more")
    export(tmp_path / "more", tmp_path / "out")
    assert "/home/ann" in written(tmp_path / "more")
    assert "/home/ann" not in written(tmp_path / "out")


def test_an_exported_model_answers_as_before_within_what_was_said(model: Path, tmp_path: Path) -> None:
    done = export(model, tmp_path / "out")
    assert done.difference is not None
    brain = torch.rand((1, 1, 20, 24, 16), generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        before, after = (load_model(folder).network(brain) for folder in (model, tmp_path / "out"))
    assert 0 < float((before - after).abs().max()) < 0.1
    assert done.difference.unit == "years"
    assert str(done.difference) in (tmp_path / "out" / "README.md").read_text()


def test_a_model_that_half_precision_would_change_is_refused_and_single_precision_is_the_way_out(
    model: Path, tmp_path: Path
) -> None:
    saved = load_model(model)
    assert isinstance(saved.network, TaskModel)
    assert isinstance(saved.network.head, VectorHead)
    with torch.no_grad():
        saved.network.head.linear.weight[0, 0] = 1e5  # beyond the numbers of half precision
    save_model(saved, tmp_path / "large")
    with pytest.raises(WeightsError, match=r"In half precision the answer.*changes by.*--single"):
        export(tmp_path / "large", tmp_path / "out")
    assert not (tmp_path / "out").exists()
    assert export(tmp_path / "large", tmp_path / "out", half=False).difference is None


def test_an_encoder_is_measured_by_its_features(encoder: Path) -> None:
    found = halving_changes(load_model(encoder))
    assert found.unit == "of a feature"
    assert 0 < found.size < 0.02 * found.scale


@pytest.mark.parametrize("names", [("drawn heads", "sub-"), ("elsewhere", "patient-")])
def test_those_it_learnt_from_are_found_by_the_bytes_of_their_scans(
    model: Path, prepared: Path, names: tuple[str, str], tmp_path: Path
) -> None:
    export(model, tmp_path / "out")
    tested = renamed(prepared, tmp_path / "tested", cohort=names[0], subject=names[1])
    assert len(seen_subjects(load_model(tmp_path / "out"), tested)) == 8


@pytest.mark.parametrize("case", [("drawn heads", True, 8), ("drawn heads", False, 0), ("elsewhere", True, 0)])
def test_those_whose_names_were_hashed_are_found_however_they_were_prepared(
    model: Path, prepared: Path, case: tuple[str, bool, int], tmp_path: Path
) -> None:
    cohort, hashes, known = case
    export(model, tmp_path / "out", subject_hashes=hashes)
    tested = renamed(prepared, tmp_path / "tested", cohort=cohort, subject="sub-")
    again = replace(tested, scans=tuple(replace(scan, content_hash="f" * 16) for scan in tested.scans))
    assert len(seen_subjects(load_model(tmp_path / "out"), again)) == known


def test_a_comparison_refuses_an_exported_encoder_that_saw_its_subjects(
    prepared: Path, encoder: Path, tmp_path: Path
) -> None:
    export(encoder, tmp_path / "encoder")
    config = ComparisonConfig.model_validate(
        {
            "title": "drawn",
            "tasks": {"brain-age": {"prepared": prepared, "label": "age_years"}},
            "methods": {"transfer": {"backbone": BACKBONE, "encoder": "encoder"}},
            "reference": "transfer",
            "folds": 3,
        }
    ).placed(tmp_path)
    with pytest.raises(LeakageError, match="scans, without labels, of 8 tested subjects"):
        compare(config, tmp_path / "out")


def test_an_experiment_file_may_name_an_encoder_that_comes_with_the_package(
    encoder: Path, prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shipped, "SHIPPED", encoder.parent)
    settings = {"title": "t", "tasks": {"a": {"prepared": prepared}}, "methods": {"m": {"encoder": encoder.name}}}
    config = ComparisonConfig.model_validate(settings | {"reference": "m"}).placed(tmp_path)
    assert config.methods["m"].encoder == encoder


def test_fine_tuning_starts_from_an_encoder_that_is_named(
    model: Path, encoder: Path, prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shipped, "SHIPPED", encoder.parent)
    monkeypatch.chdir(tmp_path)
    config = FinetuneConfig(
        task=Regression(label="age_years", unit="years"), backbone=BACKBONE, training=training(epochs=1),
        encoder=encoder.name, validation=0.33,
    )  # fmt: skip
    named = load_model(finetune(prepared, tmp_path / "run", config).folder).network.state_dict()
    by_folder = load_model(model).network.state_dict()
    assert all(torch.equal(named[name], by_folder[name]) for name in by_folder)


def test_the_card_and_the_list_of_models_say_the_score_of_the_cross_validation(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    age_result("age_years").save(tmp_path / "evaluated")
    export(
        model, tmp_path / "models" / "brain-age", tested=tmp_path / "evaluated" / "metrics.json",
        licence="CC-BY-SA-3.0", data="Drawn heads, from nowhere",
    )  # fmt: skip
    card = (tmp_path / "models" / "brain-age" / "README.md").read_text()
    monkeypatch.setattr(shipped, "SHIPPED", tmp_path / "models")
    (listed,) = models()
    assert (listed.name, listed.task, listed.answers) == ("brain-age", "regression", "age_years in years")
    # Errors of 3, 3, 5, 5, 4 and 4 years.
    assert listed.score.startswith("4.00 years mean absolute error (95 % CI ")
    assert "| MAE (years) | 4.00 ± " in card
    for word in ("CC-BY-SA-3.0", "Drawn heads, from nowhere", "never saw the subjects they were tested on"):
        assert word in card
    assert (listed.licence, listed.data) == ("CC-BY-SA-3.0", "Drawn heads, from nowhere")
    assert 0 < listed.megabytes < 1


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: age_result("weight_kg"), "tests weight_kg"),
        (lambda: age_result("age_years", parameters=7), "a network of 7 weights"),
    ],
)
def test_scores_of_another_task_or_network_are_refused(
    make: Callable[[], EvaluationResult], message: str, model: Path, tmp_path: Path
) -> None:
    make().save(tmp_path / "evaluated")
    with pytest.raises(ConfigError, match=message):
        export(model, tmp_path / "out", tested=tmp_path / "evaluated")
    assert not (tmp_path / "out").exists()


def test_a_model_is_never_written_over_another(model: Path) -> None:
    before = (model / "model.safetensors").read_bytes()
    with pytest.raises(ConfigError, match="holds a model already"):
        export(model, model)
    assert (model / "model.safetensors").read_bytes() == before


def test_a_model_that_reads_the_intracranial_volume_says_so_on_its_card(prepared: Path, tmp_path: Path) -> None:
    config = FinetuneConfig(
        task=Classification(label="sex", classes=("female", "male"), icv=True), backbone=BACKBONE,
        training=training(epochs=1), validation=0.33,
    )  # fmt: skip
    tuned = finetune(prepared, tmp_path / "run", config).folder
    export(tuned, tmp_path / "sex")
    card = (tmp_path / "sex" / "README.md").read_text(encoding="utf-8")
    assert "told the intracranial volume" in card
