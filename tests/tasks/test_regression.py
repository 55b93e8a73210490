from pathlib import Path

import pytest
import torch

from medical_transformer.cohorts import Scan
from medical_transformer.contracts import Encoding
from medical_transformer.errors import CohortError
from medical_transformer.tasks import Regression, VectorHead

AGE = Regression(label="age_years", unit="years")


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def scan(name: str = "sub-1", **labels: float | str) -> Scan:
    return Scan(subject=name, name=name, images={"T1w": Path("t1.nii")}, labels=labels)


@pytest.mark.parametrize(("mean", "spread"), [(45.0, 17.0), (7e5, 1e4), (0.02, 0.001)])
@torch.no_grad()
def test_answers_are_in_the_unit_of_the_label_whatever_its_scale(mean: float, spread: float) -> None:
    targets = mean + spread * torch.randn((200, 1), generator=generator())
    head = VectorHead(5, 1)
    AGE.prepare_head(head, targets)
    encoding = Encoding(torch.randn((200, 5), generator=generator(1)), ())
    answers = torch.tensor([float(answer.value) for answer in AGE.answers(head(encoding, ()))])
    inner = head.linear(encoding.vector)[:, 0]
    in_spreads = (answers - targets.mean()) / targets.std(correction=0)
    torch.testing.assert_close(in_spreads, inner, rtol=1e-3, atol=1e-3)


def test_the_loss_does_not_depend_on_the_unit() -> None:
    years = 45 + 17 * torch.randn((20, 1), generator=generator())
    guess = years + torch.randn((20, 1), generator=generator(1))
    months, guess_months = 12 * years, 12 * guess
    torch.testing.assert_close(
        AGE.loss(guess, years, AGE.loss_weights(years)),
        AGE.loss(guess_months, months, AGE.loss_weights(months)),
    )


def test_the_loss_is_the_absolute_error_in_spreads() -> None:
    targets = torch.tensor([[20.0], [40.0]])  # spread 10
    loss = AGE.loss(targets + torch.tensor([[5.0], [-15.0]]), targets, AGE.loss_weights(targets))
    assert float(loss) == pytest.approx(1.0)


def test_the_error_may_be_squared() -> None:
    squared = Regression(label="age_years", error="squared")
    assert float(squared.loss(torch.tensor([[3.0]]), torch.tensor([[1.0]]), None)) == 4


def test_scores_are_in_the_unit_of_the_label() -> None:
    assert AGE.scores(torch.tensor([[30.0], [50.0]]), torch.tensor([[33.0], [49.0]])) == {"mae": 4}


def test_equal_targets_do_not_divide_by_zero() -> None:
    head, targets = VectorHead(5, 1), torch.full((4, 1), 30.0)
    AGE.prepare_head(head, targets)
    weights = AGE.loss_weights(targets)
    assert weights is not None
    assert bool(weights.isfinite().all())


def test_a_scan_whose_label_is_a_word_or_missing_is_named() -> None:
    with pytest.raises(CohortError, match=r"'sub-7'.*'old'"):
        AGE.targets([scan("sub-7", age_years="old")])
    with pytest.raises(CohortError, match=r"'sub-8'.*missing"):
        AGE.targets([scan(age_years=3.0), scan("sub-8")])
