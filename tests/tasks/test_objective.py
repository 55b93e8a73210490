"""What fine-tuning watches."""

import pytest
import torch

from medical_transformer.backbones import MedicalTransformer, MedicalTransformerConfig
from medical_transformer.errors import CollapseError
from medical_transformer.tasks import LabelledBatch, Regression, TaskModel, TaskObjective

SMALL = MedicalTransformerConfig(width=4, embedding=8, feed_forward=12, heads=2, head_size=5)


def batch() -> LabelledBatch:
    draws = torch.Generator().manual_seed(0)
    return LabelledBatch(torch.rand((3, 1, 12, 14, 10), generator=draws), torch.tensor([[30.0], [50.0], [70.0]]))


def objective() -> TaskObjective:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return TaskObjective(TaskModel(MedicalTransformer(SMALL), Regression(label="age_years"))).eval()


@torch.no_grad()
def test_a_network_that_answers_the_same_to_every_scan_is_stopped() -> None:
    collapsed = objective()
    for encoder in collapsed.model.backbone.encoders.values():
        encoder.embed.weight.zero_()
    with pytest.raises(CollapseError, match="all 3 validation scans"):
        collapsed.validate([batch()], torch.Generator())


@torch.no_grad()
def test_a_fresh_network_is_not_taken_for_a_collapsed_one() -> None:
    assert set(objective().validate([batch()], torch.Generator())) == {"loss", "mae"}
