"""Cross-validation: everybody is tested once, nobody by a model that has seen them, and nothing is done twice."""

import csv
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from medical_transformer.errors import ConfigError, TrainingError
from medical_transformer.evaluation import EvaluationResult
from medical_transformer.experiments import EvaluateConfig, FinetuneConfig, evaluate, finetune
from medical_transformer.experiments import evaluate as evaluate_function
from medical_transformer.tasks import AnyTask, Classification, Regression, Segmentation, load_model
from medical_transformer.training.fit import Loop

from .conftest import BACKBONE, SUBJECTS, training

TASKS: dict[str, AnyTask] = {
    "sex": Classification(label="sex", classes=("female", "male"), balanced=True),
    "grade": Classification(label="grade", classes=("2.0", "3.0", "4.0")),
    "age": Regression(label="age_years", unit="years"),
    "lesion": Segmentation(values=(1, 2), regions={"lesion": (1, 2), "core": (1,)}),
}


def config(task: AnyTask, *, encoder: Path | None = None, fold_seed: int = 0, **settings: Any) -> EvaluateConfig:
    return EvaluateConfig(
        finetune=FinetuneConfig(
            task=task,
            backbone=BACKBONE,
            training=training(epochs=1, **settings),
            encoder=None if encoder is None else str(encoder),
        ),
        folds=3,
        fold_seed=fold_seed,
    )


@pytest.fixture(scope="module")
def results(
    prepared: Path, encoder: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, tuple[EvaluationResult, Path]]:
    """Evaluate each task; the ages from the pre-trained encoder."""
    done = {}
    for name, task in TASKS.items():
        out = tmp_path_factory.mktemp(name)
        done[name] = evaluate(prepared, out, config(task, encoder=encoder if name == "age" else None)), out
    return done


@pytest.fixture
def forbid_training(monkeypatch: pytest.MonkeyPatch) -> None:
    def trained(self: Any) -> None:
        raise AssertionError("a finished fold was trained again")

    monkeypatch.setattr(Loop, "run_epoch", trained)


@pytest.mark.parametrize("name", TASKS)
def test_every_subject_is_tested_exactly_once(name: str, results: dict[str, Any]) -> None:
    result, _ = results[name]
    everybody = {f"sub-{number}" for number in range(SUBJECTS)} - ({"sub-0"} if name == "age" else set())
    assert set(result.subjects) == everybody
    scans = [one.scan for one in result.predictions]
    assert len(scans) == len(set(scans)) == len(everybody) + 1  # the last subject was scanned twice
    assert len({one.fold for one in result.predictions if one.subject == "sub-8"}) == 1


@pytest.mark.parametrize("name", TASKS)
def test_no_fold_tests_whom_its_model_has_seen(name: str, results: dict[str, Any]) -> None:
    result, out = results[name]
    for fold in (1, 2, 3):
        seen = set(load_model(out / f"fold-{fold}" / "model").about["subjects"])
        assert not seen & {one.subject for one in result.of_fold(fold)}


@pytest.mark.parametrize("name", TASKS)
def test_the_result_can_be_read_again(name: str, results: dict[str, Any]) -> None:
    result, out = results[name]
    assert EvaluationResult.load(out).predictions == result.predictions


@pytest.mark.parametrize("name", TASKS)
def test_report_table_metrics_folds_and_settings_are_written(name: str, results: dict[str, Any]) -> None:
    result, out = results[name]
    assert (out / "report.html").stat().st_size > 1000
    with (out / "predictions.tsv").open() as file:
        assert len(list(csv.DictReader(file, delimiter="\t"))) == len(result.predictions)
    assert json.loads((out / "metrics.json").read_text())["folds"] == 3
    assert (out / "folds.tsv").is_file()
    assert EvaluateConfig.model_validate_json((out / "config.json").read_text()).folds == 3


@pytest.mark.parametrize(
    ("name", "primary"), [("sex", "auc"), ("grade", "mauc"), ("age", "mae"), ("lesion", "dice_lesion")]
)
def test_the_primary_metric_fits_the_task(name: str, primary: str, results: dict[str, Any]) -> None:
    assert results[name][0].primary_metric == primary
    assert all(primary in fold.metrics for fold in results[name][0].folds)


def test_truths_are_the_labels_of_the_cohort(results: dict[str, Any]) -> None:
    ages = {one.subject: one.truth for one in results["age"][0].predictions}
    assert ages["sub-4"] == 50.0
    sexes = {one.subject: one.truth for one in results["sex"][0].predictions}
    assert sexes["sub-3"] == "male"


def test_predicted_label_maps_are_written_on_the_grid_of_their_scan(results: dict[str, Any], prepared: Path) -> None:
    from medical_transformer.volumes import read_label_map

    result, out = results["lesion"]
    for one in result.predictions:
        predicted, _ = read_label_map(out / str(one.prediction))
        truth, _ = read_label_map(prepared / f"{one.scan}_dseg.nii.gz")
        assert predicted.shape == truth.shape
        assert (predicted.voxel_to_world == truth.voxel_to_world).all()
        assert set(predicted.voxels.flat) <= {0, 1, 2}


def test_the_encoders_overlap_with_tested_subjects_is_told(results: dict[str, Any]) -> None:
    start = results["age"][0].about["start"]
    assert "8 of the tested subjects were among its unlabelled pre-training scans" in start
    assert start in (results["age"][1] / "result.json").read_text()
    assert results["sex"][0].about["start"] == "random weights"


def test_an_encoder_that_learnt_labels_of_tested_subjects_is_called_so(prepared: Path, tmp_path: Path) -> None:
    one = config(TASKS["age"])
    done = finetune(prepared, tmp_path / "model", one.finetune.model_copy(update={"validation": 0.33}))
    result = evaluate(prepared, tmp_path / "out", config(TASKS["age"], encoder=done.folder))
    assert "8 of the tested subjects were among its labelled training scans (age_years)" in result.about["start"]
    assert "unlabelled" not in result.about["start"]


@pytest.mark.usefixtures("forbid_training")
@pytest.mark.parametrize("name", TASKS)
def test_a_finished_evaluation_is_not_computed_again(
    name: str, results: dict[str, Any], prepared: Path, encoder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def predicted(*_: Any, **__: Any) -> None:
        raise AssertionError("a finished fold was tested again")

    import sys

    monkeypatch.setattr(sys.modules[evaluate_function.__module__], "ask_model", predicted)
    result, out = results[name]
    again = evaluate(prepared, out, config(TASKS[name], encoder=encoder if name == "age" else None))
    assert again.predictions == result.predictions
    assert [fold.metrics for fold in again.folds] == [fold.metrics for fold in result.folds]


def test_an_interrupted_evaluation_ends_like_an_uninterrupted_one(
    results: dict[str, Any], prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    epochs = []

    def counted(self: Loop[Any]) -> Any:
        if len(epochs) == 1:
            raise KeyboardInterrupt
        epochs.append(self)
        return run_epoch(self)

    run_epoch = Loop.run_epoch
    with monkeypatch.context() as patch:
        patch.setattr(Loop, "run_epoch", counted)
        with pytest.raises(KeyboardInterrupt):
            evaluate(prepared, tmp_path, config(TASKS["sex"]))
    result = evaluate(prepared, tmp_path, config(TASKS["sex"]))
    assert result.predictions == results["sex"][0].predictions


@pytest.mark.parametrize("change", [{"fold_seed": 1}, {"learning_rate": 0.5}])
def test_a_folder_of_other_folds_or_settings_is_refused_and_keeps_its_own(
    change: dict[str, Any], results: dict[str, Any], prepared: Path
) -> None:
    _, out = results["sex"]
    before = (out / "config.json").read_bytes()
    with pytest.raises(ConfigError, match="other settings"):
        evaluate(prepared, out, config(TASKS["sex"], **change))
    assert (out / "config.json").read_bytes() == before


@pytest.mark.usefixtures("forbid_training")
def test_a_model_of_other_folds_is_refused_even_if_nothing_tells_its_settings(
    results: dict[str, Any], prepared: Path, tmp_path: Path
) -> None:
    """It may have been trained on whom this split tests."""
    shutil.copytree(results["sex"][1], tmp_path / "out")
    (tmp_path / "out" / "config.json").unlink()
    with pytest.raises(TrainingError, match="other settings or other scans"):
        evaluate(prepared, tmp_path / "out", config(TASKS["sex"], fold_seed=1))


@pytest.mark.usefixtures("forbid_training")
def test_a_folder_of_other_labels_is_refused(
    results: dict[str, Any], write_cohort: Callable[..., Path], tmp_path: Path
) -> None:
    changed = write_cohort(tmp_path / "prepared")
    table = changed / "cohort.tsv"
    table.write_text(table.read_text().replace("60.0", "61.0"))
    shutil.copytree(results["age"][1], tmp_path / "out")
    before = EvaluateConfig.model_validate_json((tmp_path / "out" / "config.json").read_text())
    with pytest.raises(TrainingError, match="other settings or other scans"):
        evaluate(changed, tmp_path / "out", before)


@pytest.mark.usefixtures("forbid_training")
def test_a_folder_of_another_encoder_of_the_same_name_is_refused(
    results: dict[str, Any], prepared: Path, encoder: Path, tmp_path: Path
) -> None:
    from medical_transformer.backbones.weights import read_tensors, write_tensors

    shutil.copytree(results["age"][1], tmp_path / "out")
    kept = (encoder / "model.safetensors").read_bytes()
    tensors = read_tensors(encoder / "model.safetensors")
    try:
        write_tensors({name: value * 1.5 for name, value in tensors.items()}, encoder / "model.safetensors")
        with pytest.raises(TrainingError, match="other settings or other scans"):
            evaluate(prepared, tmp_path / "out", config(TASKS["age"], encoder=encoder))
    finally:
        (encoder / "model.safetensors").write_bytes(kept)
