"""A leak stops a comparison before anything is trained."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from shutil import copytree

import pytest

from medical_transformer.cohorts import Cohort
from medical_transformer.errors import LeakageError
from medical_transformer.experiments import FinetuneConfig, finetune
from medical_transformer.experiments.comparison import ComparisonConfig, compare
from medical_transformer.tasks import Regression

from .conftest import BACKBONE, TRAINING

Experiment = Callable[..., ComparisonConfig]


def starting_from(encoder: Path) -> dict[str, object]:
    return {"methods": {"transfer": {"backbone": BACKBONE, "encoder": encoder}}, "reference": "transfer"}


def test_the_same_image_under_two_names_is_refused(experiment: Experiment, prepared: Path, tmp_path: Path) -> None:
    planted = copytree(prepared, tmp_path / "planted")
    cohort = Cohort.load(planted)
    twin = next(scan for scan in cohort.scans if scan.subject == "sub-3")
    scans = (
        replace(scan, content_hash=twin.content_hash) if scan.subject == "sub-4" else scan for scan in cohort.scans
    )
    replace(cohort, scans=tuple(scans)).save(planted)
    config = experiment(tasks={"brain-age": {"prepared": planted, "label": "age_years"}})
    with pytest.raises(LeakageError, match="sub-3 and sub-4 have the same image"):
        compare(config, tmp_path / "out")
    assert not (tmp_path / "out" / "units").exists()


def test_two_scans_of_one_subject_are_no_leak(experiment: Experiment, tmp_path: Path) -> None:
    compared = compare(experiment(methods={"classical": {"kind": "classical"}}, reference="classical"), tmp_path)
    (trial,) = compared.trials.trials
    tested = Counter(one.subject for one in trial.result.predictions)
    assert tested["sub-8"] == 2
    assert compared.trials.about["leak audit"].startswith("no image under two names")


def test_an_encoder_that_saw_tested_scans_is_refused(experiment: Experiment, encoder: Path, tmp_path: Path) -> None:
    with pytest.raises(LeakageError, match="scans, without labels, of 8 tested subjects of task 'brain-age'"):
        compare(experiment(**starting_from(encoder)), tmp_path)


def test_it_may_be_allowed_and_is_told(experiment: Experiment, encoder: Path, tmp_path: Path) -> None:
    compared = compare(experiment(**starting_from(encoder), allow_seen_scans=True), tmp_path)
    assert "scans, without labels, of 8 tested subjects" in compared.trials.about["leak audit"]


def test_an_encoder_that_saw_tested_labels_is_never_allowed(
    experiment: Experiment, prepared: Path, tmp_path: Path
) -> None:
    task = Regression(label="age_years", unit="years")
    config = FinetuneConfig.model_validate(
        {"task": task, "backbone": BACKBONE, "training": TRAINING, "validation": 0.33}
    )
    model = finetune(prepared, tmp_path / "model", config).folder
    with pytest.raises(LeakageError, match="saw labels and scans of 8 tested subjects"):
        compare(experiment(**starting_from(model), allow_seen_scans=True), tmp_path / "out")


def test_seen_scans_are_found_by_their_bytes_under_other_names(
    experiment: Experiment, encoder: Path, prepared: Path, tmp_path: Path
) -> None:
    renamed = copytree(prepared, tmp_path / "renamed")
    cohort = Cohort.load(renamed)
    scans = tuple(replace(scan, subject=scan.subject.replace("sub", "patient")) for scan in cohort.scans)
    Cohort("another name", cohort.root, scans).save(renamed)
    config = experiment(**starting_from(encoder), tasks={"brain-age": {"prepared": renamed, "label": "age_years"}})
    with pytest.raises(LeakageError, match="such as patient-1"):
        compare(config, tmp_path / "out")


def test_a_pretraining_on_everybody_must_be_allowed(
    experiment: Experiment, pretraining: dict[str, object], tmp_path: Path
) -> None:
    config = experiment(
        methods={"transfer": {"backbone": BACKBONE, "pretraining": "two-stages"}},
        reference="transfer",
        pretraining={"two-stages": {**pretraining, "subjects": "all"}},
    )
    with pytest.raises(LeakageError, match="'two-stages' is told to learn from all subjects"):
        compare(config, tmp_path)
