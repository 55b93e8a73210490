"""A head that starts from a linear fit says what that fit says, and all of the network learns from there."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from medical_transformer.cohorts import Scan
from medical_transformer.errors import CohortError, ConfigError
from medical_transformer.experiments import BackboneConfig, FinetuneConfig, finetune
from medical_transformer.experiments.config import InputConfig
from medical_transformer.experiments.data import LabelledSource, open_data
from medical_transformer.experiments.head_start import put_layer, start_head
from medical_transformer.experiments.linear_model import fit_linear
from medical_transformer.experiments.training_run import build_model
from medical_transformer.tasks import Classification, Regression, Segmentation, TaskModel, TaskObjective
from medical_transformer.training.fit import Split
from tests.experiments.conftest import BACKBONE, training

AGE = Regression(label="age_years", unit="years")
SEX = Classification(label="sex", classes=("female", "male"))
# The first scan has no age.
SPLIT = Split(tuple(range(1, 7)), (7, 8, 9))


def config(task: Classification | Regression | Segmentation, **settings: object) -> FinetuneConfig:
    return FinetuneConfig.model_validate({"task": task, "backbone": BACKBONE, "head": "fitted", **settings})


def started(prepared: Path, task: Classification | Regression) -> tuple[TaskModel, LabelledSource]:
    model = build_model(config(task))
    source = LabelledSource(open_data(prepared, InputConfig()), task, augment=False)
    task.prepare_head(model.head, source.targets(SPLIT.training))
    start_head(model, source, SPLIT, training())
    return model, source


@pytest.mark.parametrize("standardise", [True, False], ids=["standardised", "as they are"])
@pytest.mark.parametrize("icv", [True, False], ids=["with the head's size", "alone"])
@pytest.mark.parametrize("task", [AGE, SEX], ids=["number", "class"])
def test_before_the_first_step_the_model_answers_as_the_linear_fit(
    prepared: Path, task: Classification | Regression, icv: bool, standardise: bool
) -> None:
    task = task.model_copy(update={"icv": icv, "standardise": standardise})
    model, source = started(prepared, task)
    places = [*SPLIT.training, *SPLIT.validation]
    batch = source.load(places, None)
    with torch.no_grad():
        vectors = model.encode(batch.volumes, batch.log_icv).vector.numpy()
        answers = task.answers(model(batch.volumes, batch.log_icv))
    scans = source.scans(places)
    own = fit_linear(task, (vectors[:6], scans[:6]), (vectors[6:], scans[6:]), own=int(icv), by_loss=True)
    for answer, expected in zip(answers, own.answer(vectors, scans, fold=1), strict=True):
        if isinstance(task, Regression):
            assert answer.value == pytest.approx(expected.prediction, abs=0.02)
        else:
            assert answer.probabilities == pytest.approx(expected.probabilities, abs=1e-3)


def test_a_fine_tuning_goes_on_from_the_fit(prepared: Path, tmp_path: Path) -> None:
    frozen = training(epochs=1, learning_rate=1e-9)
    errors = {
        head: finetune(prepared, tmp_path / head, config(AGE, head=head, training=frozen, validation=1 / 3))
        for head in ("random", "fitted")
    }
    losses = {head: one.fitted.best.training_loss for head, one in errors.items()}
    assert losses["fitted"] < 0.8 * losses["random"]


def test_a_class_head_starts_no_surer_than_its_validation_scans_bear() -> None:
    """The first of many features tells a little, and with all of them eight scans are told without a fault."""
    draws = np.random.default_rng(4)
    labels = [SEX.classes[number % 2] for number in range(24)]
    features = draws.standard_normal((24, 40))
    features[:, 0] += [0.5 if label == "male" else -0.5 for label in labels]
    image = {"T1w": Path("T1w.nii.gz")}
    scans = [Scan(subject=f"s{n}", name=f"s{n}", images=image, labels={"sex": sex}) for n, sex in enumerate(labels)]
    parts = (features[:8], scans[:8]), (features[8:], scans[8:])
    losses = {
        by_loss: -np.mean([
            np.log(one.probabilities[str(one.truth)])
            for one in fit_linear(SEX, *parts, by_loss=by_loss).answer(*parts[1], fold=0)
        ])
        for by_loss in (True, False)
    }  # fmt: skip
    assert losses[True] <= np.log(2) + 0.01
    assert losses[False] > 1


@pytest.mark.parametrize(("head", "times"), [("fitted", 1), ("random", 2)])
def test_what_was_fitted_is_what_training_starts_from(
    prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, head: str, times: int
) -> None:
    """The statistics that the head was fitted under are not taken anew before the first step, only after the epoch."""
    settled = []
    settle = TaskObjective.settle
    monkeypatch.setattr(TaskObjective, "settle", lambda self, batches: (settled.append(1), settle(self, batches))[1])
    finetune(prepared, tmp_path, config(AGE, head=head, training=training(epochs=1, augment=True), validation=1 / 3))
    assert len(settled) == times


def test_a_segmentation_has_no_such_head(prepared: Path, tmp_path: Path) -> None:
    task = Segmentation(values=(1,), regions={"all": (1,)})
    with pytest.raises(ConfigError, match="needs a linear head"):
        finetune(prepared, tmp_path / "run", config(task, training=training(), validation=1 / 3))
    assert not (tmp_path / "run" / "config.json").exists()


def test_a_head_with_a_hidden_layer_is_refused(prepared: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="hidden layer"):
        finetune(
            prepared,
            tmp_path,
            config(AGE, backbone=BackboneConfig(name="3d-ssl"), training=training(), validation=1 / 3),
        )


def test_a_class_that_nobody_in_the_training_has_is_told(prepared: Path) -> None:
    three = Classification(label="sex", classes=("female", "male", "other"))
    with pytest.raises(CohortError, match="2 of the 3 classes of sex"):
        put_layer(np.zeros((2, 8)), np.zeros(2), build_model(config(three)))


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
