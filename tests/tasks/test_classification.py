from pathlib import Path

import pytest
import torch

from medical_transformer.cohorts import Scan
from medical_transformer.errors import CohortError
from medical_transformer.tasks import Classification

DIAGNOSIS = Classification(label="diagnosis", classes=("CN", "MCI", "AD"))


def scan(name: str = "sub-1", **labels: float | str) -> Scan:
    return Scan(subject=name, name=name, images={"T1w": Path("t1.nii")}, labels=labels)


def test_targets_are_places_in_the_list_of_classes() -> None:
    assert DIAGNOSIS.targets([scan(diagnosis="AD"), scan(diagnosis="CN")]).tolist() == [2, 0]


def test_a_scan_with_an_unknown_class_is_named() -> None:
    with pytest.raises(CohortError, match=r"'sub-7'.*'SMC'.*CN"):
        DIAGNOSIS.targets([scan(diagnosis="CN"), scan("sub-7", diagnosis="SMC")])


def test_a_scan_without_the_label_is_named() -> None:
    with pytest.raises(CohortError, match=r"'sub-7'.*diagnosis"):
        DIAGNOSIS.targets([scan("sub-7", age_years=70.0)])


def test_classes_may_be_numbers_written_out() -> None:
    grade = Classification(label="grade", classes=("2.0", "4.0"))
    assert grade.targets([scan(grade=4.0), scan(grade=2.0)]).tolist() == [1, 0]
    assert grade.truth(scan(grade=4.0)) == "4.0"


def test_the_answer_is_the_likeliest_class_with_probabilities_that_sum_to_1() -> None:
    (answer,) = DIAGNOSIS.answers(torch.tensor([[0.0, 2.0, 1.0]]))
    assert answer.value == "MCI"
    assert list(answer.probabilities) == ["CN", "MCI", "AD"]
    assert sum(answer.probabilities.values()) == pytest.approx(1)
    assert answer.probabilities["MCI"] == pytest.approx(0.66524, abs=1e-5)


def test_balanced_weights_make_every_class_count_alike() -> None:
    balanced = Classification(label="diagnosis", classes=("CN", "MCI", "AD"), balanced=True)
    targets = torch.tensor([0] * 6 + [1] * 3 + [2])
    weights = balanced.loss_weights(targets)
    assert weights is not None
    torch.testing.assert_close(weights * torch.tensor([6, 3, 1]), torch.full((3,), 10 / 3))


def test_a_class_without_training_scans_gets_a_finite_weight() -> None:
    balanced = Classification(label="diagnosis", classes=("CN", "MCI", "AD"), balanced=True)
    weights = balanced.loss_weights(torch.tensor([0, 0, 1]))
    assert weights is not None
    assert bool(weights.isfinite().all())


def test_there_are_no_weights_unless_they_are_asked_for() -> None:
    assert DIAGNOSIS.loss_weights(torch.tensor([0, 1, 2])) is None


def test_scores_count_right_answers() -> None:
    outputs = torch.tensor([[3.0, 0, 0], [0, 3, 0], [3, 0, 0]])
    assert DIAGNOSIS.scores(outputs, torch.tensor([0, 1, 2])) == {"accuracy": 2}
