"""From a label to a task."""

from pathlib import Path

import pytest

from medical_transformer.cohorts import Cohort
from medical_transformer.errors import CohortError, ConfigError
from medical_transformer.experiments import choose_task
from medical_transformer.tasks import Classification, Regression, Segmentation


@pytest.fixture
def cohort(prepared: Path) -> Cohort:
    return Cohort.load(prepared)


def test_words_are_classes_in_alphabetical_order(cohort: Cohort) -> None:
    assert choose_task(cohort, "sex") == Classification(label="sex", classes=("female", "male"))


def test_numbers_are_a_regression_whose_unit_is_in_the_labels_name(cohort: Cohort) -> None:
    assert choose_task(cohort, "age_years") == Regression(label="age_years", unit="years")
    assert choose_task(cohort, "grade") == Regression(label="grade", unit="")


def test_numbers_can_be_classified_where_that_is_asked_for(cohort: Cohort) -> None:
    task = choose_task(cohort, "grade", "classification")
    assert task == Classification(label="grade", classes=("2.0", "3.0", "4.0"))


def test_the_label_maps_are_a_segmentation(cohort: Cohort) -> None:
    task = choose_task(cohort, "segmentation", regions={"lesion": (1, 2), "core": (1,)})
    assert task == Segmentation(values=(1, 2), regions={"lesion": (1, 2), "core": (1,)})


def test_regions_that_share_no_value_are_predicted_as_wholes(cohort: Cohort) -> None:
    task = choose_task(cohort, "segmentation", regions={"rest": (3,), "lesion": (1, 2)})
    assert task == Segmentation(values=(1, 2), stands_for={1: (3,), 2: (1, 2)}, regions={"rest": (1,), "lesion": (2,)})


def test_every_value_of_unknown_label_maps_is_a_region(cohort: Cohort) -> None:
    task = choose_task(cohort, "segmentation")
    assert task == Segmentation(values=(1, 2), regions={"label-1": (1,), "label-2": (2,)})


def test_an_unknown_label_is_refused_with_the_known_ones(cohort: Cohort) -> None:
    with pytest.raises(CohortError, match=r"'agee'.*age_years, grade, sex"):
        choose_task(cohort, "agee")


def test_words_cannot_be_a_regression(cohort: Cohort) -> None:
    with pytest.raises(ConfigError, match=r"'sex'.*'female'"):
        choose_task(cohort, "sex", "regression")


def test_there_is_no_other_kind_of_task(cohort: Cohort) -> None:
    with pytest.raises(ConfigError, match="'telepathy'"):
        choose_task(cohort, "sex", "telepathy")


def test_a_single_class_is_refused(cohort: Cohort) -> None:
    with pytest.raises(ConfigError, match="'sex' has 1 different"):
        choose_task(cohort.where(lambda scan: scan.labels["sex"] == "male"), "sex")


def test_label_maps_are_missed_where_there_are_none(cohort: Cohort) -> None:
    bare = Cohort("bare", cohort.root, ())
    with pytest.raises(CohortError, match="label map"):
        choose_task(bare, "segmentation")


def test_only_what_is_told_of_a_whole_scan_reads_the_intracranial_volume(cohort: Cohort) -> None:
    assert choose_task(cohort, "sex", icv=True).icv
    assert not choose_task(cohort, "age_years").icv
    with pytest.raises(ConfigError, match="not to segment"):
        choose_task(cohort, "segmentation", icv=True)
