"""A backbone without weights is fitted in closed form, and is then a model like any other."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from medical_transformer.errors import ConfigError
from medical_transformer.experiments import (
    BackboneConfig,
    EvaluateConfig,
    FinetuneConfig,
    closed_form,
    evaluate,
    finetune,
)
from medical_transformer.experiments.config import InputConfig
from medical_transformer.experiments.data import open_data
from medical_transformer.experiments.linear_model import LinearModel, fit_linear
from medical_transformer.tasks import Classification, Regression, Segmentation, TaskModel, load_model
from tests.experiments.conftest import BACKBONE, SHAPE, training

MEASURED = BackboneConfig(name="tissue-volumes", settings={"shape": SHAPE, "cube": 6})
SEX = Classification(label="sex", classes=("female", "male"))


def config(task: Classification | Regression | Segmentation) -> FinetuneConfig:
    return FinetuneConfig(task=task, backbone=MEASURED, training=training(), validation=1 / 3)


def test_the_model_that_is_kept_answers_as_it_did_when_it_was_fitted(prepared: Path, tmp_path: Path) -> None:
    done = finetune(prepared, tmp_path, config(SEX))
    network = load_model(done.folder).network
    assert isinstance(network, TaskModel)
    assert len(done.fitted.journal.records) == 1
    data = open_data(prepared, InputConfig())
    with torch.inference_mode():
        outputs = network(torch.from_numpy(data.store.volumes(list(range(len(data.cohort))))))
    # Heads of men are drawn larger, which tissue volumes tell.
    truth = torch.tensor([SEX.classes.index(str(scan.labels["sex"])) for scan in data.cohort.scans])
    assert (outputs.argmax(dim=1) == truth).all()


def test_varying_adds_mirror_images_and_other_scanners_copies_to_the_training_only(
    prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fitted: list[tuple[np.ndarray[Any, Any], list[str]]] = []

    def watch(task: Any, *parts: tuple[Any, Any], own: int) -> LinearModel:
        fitted.extend((features, [scan.name for scan in scans]) for features, scans in parts)
        return fit_linear(task, *parts, own=own)

    monkeypatch.setattr(closed_form, "fit_linear", watch)
    plain = config(SEX)
    varied = plain.model_copy(update={"training": training().model_copy(update={"augment": True})})
    for number, one in enumerate((plain, varied)):
        finetune(prepared, tmp_path / str(number), one)
    (features, names), validation, (more, again), same = fitted
    assert again == names * 4
    assert np.array_equal(validation[0], same[0])
    itself, mirrored, *taken = np.split(more, 4)
    assert np.array_equal(itself, features)
    cubes = [-(-side // 6) for side in SHAPE]
    assert np.allclose(itself.mean(axis=1), mirrored.mean(axis=1), atol=0.02)
    assert not np.allclose(itself, mirrored, atol=0.02)
    assert np.prod(cubes) * 3 == itself.shape[1]
    assert all(not np.allclose(itself, one, atol=1e-3) for one in taken)


@pytest.mark.parametrize("backbone", [MEASURED, BACKBONE], ids=["closed form", "network"])
def test_the_intracranial_volume_is_read_wherever_a_model_is_asked(
    prepared: Path, tmp_path: Path, backbone: BackboneConfig
) -> None:
    task = SEX.model_copy(update={"icv": True})
    one = config(task).model_copy(update={"backbone": backbone})
    result = evaluate(prepared, tmp_path / "evaluated", EvaluateConfig(finetune=one, folds=3))
    assert len(result.predictions) == 10
    network = load_model(finetune(prepared, tmp_path / "tuned", one).folder).network
    assert isinstance(network, TaskModel)
    data = open_data(prepared, InputConfig())
    sizes = data.log_icv(range(len(data.cohort)))
    # Odd subjects, who are drawn as men, are larger by a quarter.
    expected = [float(np.log(1.25)) if scan.labels["sex"] == "male" else 0.0 for scan in data.cohort.scans]
    torch.testing.assert_close(sizes, torch.tensor(expected))
    volumes = torch.from_numpy(data.store.volumes([0]))
    with torch.inference_mode():
        small, large = (network(volumes, torch.tensor([size])).softmax(1)[0, 1] for size in (0.0, 0.22))
    assert small != large
    if backbone is MEASURED:
        assert small < large


def test_it_is_cross_validated_like_any_network(prepared: Path, tmp_path: Path) -> None:
    result = evaluate(prepared, tmp_path, EvaluateConfig(finetune=config(SEX), folds=3))
    assert len(result.predictions) == 10


def test_it_cannot_segment(prepared: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no feature maps|not with a label map"):
        finetune(prepared, tmp_path, config(Segmentation(values=(1, 2), regions={"lesion": (1, 2)})))
