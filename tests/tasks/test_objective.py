"""What fine-tuning watches."""

import pytest
import torch

from medical_transformer.backbones import MedicalTransformer, MedicalTransformerConfig
from medical_transformer.errors import CollapseError, ConfigError
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


@torch.no_grad()
def test_settling_standardises_the_vectors_of_the_training_scans() -> None:
    settled = objective()
    settled.settle([batch(), batch()])
    vectors = settled.model.backbone(batch().volumes).vector
    standardised = settled.model.head.standardisation(vectors)
    torch.testing.assert_close(standardised.mean(dim=0), torch.zeros(24), rtol=0, atol=1e-3)
    torch.testing.assert_close(standardised.std(dim=0, correction=0), torch.ones(24), rtol=0, atol=0.01)


@torch.no_grad()
def test_without_standardising_nothing_is_read_to_settle() -> None:
    plain = TaskObjective(TaskModel(MedicalTransformer(SMALL), Regression(label="age_years", standardise=False))).eval()
    unread = iter([batch()])
    plain.settle(unread)
    assert len(list(unread)) == 1


@torch.no_grad()
def test_the_intracranial_volume_is_one_more_feature_that_only_its_own_answer_depends_on() -> None:
    torch.manual_seed(0)
    model = TaskModel(MedicalTransformer(SMALL), Regression(label="age_years", icv=True)).eval()
    volumes, log_icv = batch().volumes, torch.tensor([0.1, -0.2, 0.3])
    encoding = model.encode(volumes, log_icv)
    torch.testing.assert_close(encoding.vector[:, :-1], model.backbone(volumes).vector)
    torch.testing.assert_close(encoding.vector[:, -1], log_icv)
    moved = model(volumes, log_icv + torch.tensor([0.0, 0.5, 0.0])) - model(volumes, log_icv)
    assert [bool(row.abs() > 1e-4) for row in moved[:, 0]] == [False, True, False]


@torch.no_grad()
def test_a_model_that_reads_the_intracranial_volume_refuses_to_do_without() -> None:
    model = TaskModel(MedicalTransformer(SMALL), Regression(label="age_years", icv=True))
    with pytest.raises(ConfigError, match="intracranial volume"):
        model(batch().volumes)
    assert model(batch().volumes, torch.zeros(3)).shape == (3, 1)
