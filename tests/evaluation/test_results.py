"""A result keeps its promises at birth, sums up correctly, and survives the disk."""

import json
import math

import numpy as np
import pytest

from medical_transformer.errors import LeakageError
from medical_transformer.evaluation import (
    EpochRecord,
    EvaluationResult,
    FoldResult,
    SubjectPrediction,
    expected_calibration_error,
    score,
)

CLASSES = ("CN", "MCI", "AD")


def ages(**changes) -> EvaluationResult:
    """Three subjects in two folds; B was scanned twice."""
    rows = [("a1", "A", 0, 60.0, 62.0), ("b1", "B", 1, 70.0, 69.0), ("b2", "B", 1, 71.0, 74.0)]
    rows += [("c1", "C", 1, 80.0, 70.0)]
    predictions = tuple(
        SubjectPrediction(scan=scan, subject=subject, fold=fold, truth=truth, prediction=predicted)
        for scan, subject, fold, truth, predicted in rows
    )
    epoch = EpochRecord(epoch=1, training_loss=9.5, validation_loss=8.5, learning_rate=1e-4, seconds=3.5)
    fields = {
        "task": "regression",
        "label": "age_years",
        "unit": "years",
        "primary_metric": "mae",
        "predictions": predictions,
        "folds": (
            FoldResult(fold=0, metrics={"mae": 2.0, "r_squared": math.nan}, history=(epoch,), best_epoch=1),
            FoldResult(fold=1, metrics={"mae": 14 / 3}, sizes={"train": 1, "test": 2}, validation=predictions[:1]),
        ),
        "about": {"seed": "7", "cohort": "drawn"},
    }
    return EvaluationResult(**fields | changes)


def diagnoses(count: int = 30, probabilities: bool = True) -> EvaluationResult:
    rng = np.random.default_rng(0)
    predictions = []
    for k in range(count):
        chances = dict(zip(CLASSES, map(float, rng.dirichlet(np.ones(3))), strict=True))
        predictions.append(
            SubjectPrediction(
                scan=f"s{k}",
                subject=f"S{k}",
                fold=0,
                truth=CLASSES[k % 3],
                prediction=max(chances, key=chances.get),
                probabilities=chances if probabilities else {},
            )
        )
    fold = FoldResult(fold=0, metrics=score("classification", predictions, CLASSES))
    return EvaluationResult(
        task="classification",
        label="diagnosis",
        classes=CLASSES,
        primary_metric="mauc",
        predictions=tuple(predictions),
        folds=(fold,),
    )


def test_the_summary_is_the_mean_over_folds_and_the_score_of_all():
    found = ages().summary(resamples=100)["mae"]
    assert found.mean == pytest.approx((2 + 14 / 3) / 2)
    assert found.standard_deviation == pytest.approx(np.std([2, 14 / 3], ddof=1))
    assert found.pooled == pytest.approx((2 + 1 + 3 + 10) / 4)
    assert found.interval is not None
    assert found.interval.low < found.pooled < found.interval.high


def test_the_primary_metric_comes_first():
    assert next(iter(ages(primary_metric="r_squared").summary(resamples=10))) == "r_squared"


def test_an_undefined_fold_does_not_spoil_the_mean():
    found = ages().summary(resamples=10)["r_squared"]
    assert math.isnan(found.mean)
    assert found.standard_deviation is None
    assert found.pooled is not None


@pytest.mark.parametrize("result", [ages(), diagnoses(), diagnoses(probabilities=False)])
def test_what_is_saved_is_loaded_again(tmp_path, result):
    result.save(tmp_path)
    again = EvaluationResult.load(tmp_path)
    assert repr(again) == repr(result)  # repr, because NaN differs from itself


def test_numbers_of_numpy_and_read_only_mappings_can_be_saved(tmp_path):
    from types import MappingProxyType

    one = SubjectPrediction(
        scan="a1",
        subject="A",
        fold=0,
        truth=np.float32(60),
        prediction=np.float64(61.5),
        metrics=MappingProxyType({"brain_ml": np.float32(1200)}),
    )
    ages(predictions=(one,)).save(tmp_path)
    assert EvaluationResult.load(tmp_path).predictions[0].prediction == 61.5


def test_the_table_has_a_row_per_scan_and_a_column_per_class(tmp_path):
    diagnoses(9).save(tmp_path)
    lines = (tmp_path / "predictions.tsv").read_text().splitlines()
    assert lines[0].split("\t")[:5] == ["scan", "subject", "fold", "truth", "prediction"]
    assert lines[0].split("\t")[5:] == ["probability_CN", "probability_MCI", "probability_AD"]
    assert len(lines) == 10


def test_metrics_json_holds_what_a_paper_reports(tmp_path):
    ages().save(tmp_path)
    about = json.loads((tmp_path / "metrics.json").read_text())
    assert (about["subjects"], about["scans"], about["folds"]) == (3, 4, 2)
    assert about["metrics"]["mae"]["pooled"] == pytest.approx(4.0)
    assert about["metrics"]["r_squared"]["mean"] is None


def test_a_subject_in_two_folds_is_a_leak():
    leaking = (
        SubjectPrediction(scan="a1", subject="A", fold=0, truth=1.0, prediction=1.0),
        SubjectPrediction(scan="a2", subject="A", fold=1, truth=1.0, prediction=1.0),
    )
    with pytest.raises(LeakageError, match="'A'"):
        ages(predictions=leaking)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"task": "detection"}, "detection"),
        ({"predictions": ()}, "at least one"),
        ({"folds": (FoldResult(fold=0, metrics={}),)}, "fold 1"),
        ({"task": "classification", "classes": CLASSES}, "not all among the classes"),
    ],
)
def test_a_result_that_contradicts_itself_cannot_be_made(changes, message):
    with pytest.raises(ValueError, match=message):
        ages(**changes)


def test_a_scan_cannot_be_predicted_twice_nor_with_nan():
    one = SubjectPrediction(scan="a1", subject="A", fold=0, truth=1.0, prediction=1.0)
    with pytest.raises(ValueError, match="'a1'"):
        ages(predictions=(one, one))
    with pytest.raises(ValueError, match="not finite"):
        SubjectPrediction(scan="a1", subject="A", fold=0, truth=1.0, prediction=math.nan)


def test_a_missing_or_damaged_file_is_named(tmp_path):
    with pytest.raises(ValueError, match="medtrans evaluate"):
        EvaluationResult.load(tmp_path)
    (tmp_path / "result.json").write_text('{"format": 1}')
    with pytest.raises(ValueError, match=r"result\.json"):
        EvaluationResult.load(tmp_path)


def test_without_probabilities_only_decisions_are_scored():
    assert set(score("classification", diagnoses(probabilities=False).predictions, CLASSES)) == {
        "accuracy",
        "balanced_accuracy",
    }


def test_scans_without_truth_are_not_scored():
    unknown = SubjectPrediction(scan="d1", subject="D", fold=0, truth=None, prediction=20.0)
    assert score("regression", (*ages().predictions, unknown)) == pytest.approx(score("regression", ages().predictions))


def test_a_segmentation_is_scored_by_the_mean_over_its_scans():
    scans = [
        SubjectPrediction(scan=str(k), subject=str(k), fold=0, truth=None, prediction="", metrics={"dice_WT": k / 4})
        for k in range(4)
    ]
    assert score("segmentation", scans) == pytest.approx({"dice_WT": 0.375})


def test_a_calibration_error_gets_no_interval_since_resampling_makes_it_greater():
    rng = np.random.default_rng(1)
    chances = rng.uniform(size=200)
    sick = rng.uniform(size=200) < chances  # as sure as it is right, so that the true gap is 0
    scores = np.stack([1 - chances, chances], axis=1)
    draws = [rng.integers(200, size=200) for _ in range(100)]
    resampled = [expected_calibration_error(sick[draw].astype(int), scores[draw]) for draw in draws]
    assert np.mean(np.array(resampled) > expected_calibration_error(sick.astype(int), scores)) > 0.8

    predictions = tuple(
        SubjectPrediction(
            scan=f"s{k}",
            subject=f"p{k}",
            fold=1,
            truth="AD" if sick[k] else "CN",
            prediction="AD" if chance > 0.5 else "CN",
            probabilities={"CN": 1 - chance, "AD": chance},
        )
        for k, chance in enumerate(map(float, chances))
    )
    found = EvaluationResult(
        task="classification",
        label="diagnosis",
        classes=("CN", "AD"),
        primary_metric="auc",
        predictions=predictions,
        folds=(FoldResult(fold=1, metrics={}),),
    ).summary(resamples=50)
    assert found["calibration_error"].interval is None
    assert found["calibration_error"].pooled is not None
    assert found["auc"].interval is not None
