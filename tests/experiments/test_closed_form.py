"""A backbone without weights is fitted in closed form, and is then a model like any other."""

from pathlib import Path

import pytest
import torch

from medical_transformer.errors import ConfigError
from medical_transformer.experiments import BackboneConfig, EvaluateConfig, FinetuneConfig, evaluate, finetune
from medical_transformer.experiments.config import InputConfig
from medical_transformer.experiments.data import open_data
from medical_transformer.tasks import Classification, Regression, Segmentation, TaskModel, load_model
from tests.experiments.conftest import SHAPE, training

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


def test_it_is_cross_validated_like_any_network(prepared: Path, tmp_path: Path) -> None:
    result = evaluate(prepared, tmp_path, EvaluateConfig(finetune=config(SEX), folds=3))
    assert len(result.predictions) == 10


def test_it_cannot_segment(prepared: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no feature maps|not with a label map"):
        finetune(prepared, tmp_path, config(Segmentation(values=(1, 2), regions={"lesion": (1, 2)})))
