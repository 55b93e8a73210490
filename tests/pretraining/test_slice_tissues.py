"""Slice tissues: what is asked, what is usual, and that all of the backbone learns from it."""

import pytest
import torch
from torch.nn import functional

from medical_transformer.backbones import MedicalTransformer, MedicalTransformerConfig
from medical_transformer.errors import CollapseError, ConfigError
from medical_transformer.pretraining import SliceTissues, UnlabelledBatch
from medical_transformer.pretraining.slice_tissues import shares_per_slice
from medical_transformer.pretraining.tissue_mixture import tissues_of
from medical_transformer.slices import Plane

from .conftest import SHAPE

CELLS = (4, 3, 2)


@pytest.fixture
def heads() -> UnlabelledBatch:
    """Four scans with more or less dark matter on the left."""
    draws = torch.Generator().manual_seed(3)
    volumes = 0.5 + 0.1 * torch.randn((4, 1, *SHAPE), generator=draws)
    for number, volume in enumerate(volumes):
        volume[:, : 6 + 3 * number] -= 0.25
        volume[:, :, 20:] += 0.3
        volume[..., :5] = 0
    return UnlabelledBatch(volumes.clamp(0, 1), ("sub-1", "sub-2", "sub-3", "sub-4"))


@pytest.fixture
def task(backbone: MedicalTransformer, heads: UnlabelledBatch) -> SliceTissues:
    task = SliceTissues(backbone, SHAPE, cells=CELLS)
    task.settle([heads])
    return task


@pytest.mark.parametrize("plane", list(Plane))
def test_a_share_is_the_mean_of_the_tissue_in_its_part_of_the_slice(plane: Plane) -> None:
    maps = torch.rand((1, 3, 8, 9, 10), generator=torch.Generator().manual_seed(0))
    found = shares_per_slice(maps, plane, (2, 3, 5))
    slices = maps.movedim(2 + plane.axis, 1)
    cells = [cell for axis, cell in enumerate((2, 3, 5)) if axis != plane.axis]
    for number in range(slices.shape[1]):
        expected = functional.adaptive_avg_pool2d(slices[:, number], cells).flatten(1)
        torch.testing.assert_close(found[:, number], expected)


def test_what_is_asked_is_the_scan_s_own_tissue_whatever_its_curve(task: SliceTissues, heads: UnlabelledBatch) -> None:
    shown, truth = task.ask(heads.volumes, torch.Generator().manual_seed(0))
    assert float((shown - heads.volumes).abs().mean()) > 0.01
    for plane in Plane:
        usual, spread = getattr(task, f"usual_{plane}"), getattr(task, f"spread_{plane}")
        plain, turned = (
            shares_per_slice(tissues_of(volumes), plane, CELLS) for volumes in (heads.volumes, heads.volumes.flip(2))
        )
        for number in range(len(heads.volumes)):
            asked = truth[plane][number] * spread + usual
            assert torch.allclose(asked, plain[number], atol=1e-5) or torch.allclose(asked, turned[number], atol=1e-5)


def test_what_is_usual_is_learnt_once_from_scans_and_mirror_images(task: SliceTissues, heads: UnlabelledBatch) -> None:
    both = torch.cat([heads.volumes, heads.volumes.flip(2)])
    before = {}
    for plane in Plane:
        before[plane] = getattr(task, f"usual_{plane}").clone()
        torch.testing.assert_close(before[plane], shares_per_slice(tissues_of(both), plane, CELLS).mean(dim=0))
    task.settle([UnlabelledBatch(heads.volumes.flip(3), heads.subjects)])
    assert all(before[plane].equal(getattr(task, f"usual_{plane}")) for plane in Plane)


def test_knowing_nothing_explains_nothing(task: SliceTissues, heads: UnlabelledBatch) -> None:
    for weight in task.readers.parameters():
        torch.nn.init.zeros_(weight)
    with torch.no_grad():
        numbers = task.validate([heads], torch.Generator().manual_seed(0))
    assert numbers["explained_beyond_position"] == pytest.approx(task.chance["explained_beyond_position"], abs=1e-6)
    assert numbers["loss"] == pytest.approx(1, abs=0.3)


def test_the_slice_encoders_learn_and_the_transformer_is_left_alone(
    task: SliceTissues, backbone: MedicalTransformer, heads: UnlabelledBatch
) -> None:
    task(heads, torch.Generator().manual_seed(0)).backward()
    assert all(weight.grad is not None and bool(weight.grad.any()) for weight in task.parameters())
    assert backbone.transformer is not None
    assert all(weight.grad is None for weight in backbone.transformer.parameters())


def test_a_few_steps_explain_something(backbone: MedicalTransformer, heads: UnlabelledBatch) -> None:
    task = SliceTissues(backbone, SHAPE, cells=CELLS)
    task.settle([heads])
    optimizer = torch.optim.Adam(task.parameters(), 1e-2)
    for step in range(24):
        optimizer.zero_grad()
        task(heads, torch.Generator().manual_seed(step)).backward()
        optimizer.step()
    with torch.no_grad():
        assert task.validate([heads], torch.Generator().manual_seed(0))["explained_beyond_position"] > 0.1


def test_the_same_seed_asks_the_same(task: SliceTissues, heads: UnlabelledBatch) -> None:
    with torch.no_grad():
        one, other, another = (float(task(heads, torch.Generator().manual_seed(seed))) for seed in (5, 5, 6))
    assert one == other != another


def test_a_network_that_tells_nothing_apart_is_refused(task: SliceTissues, heads: UnlabelledBatch) -> None:
    with torch.no_grad():
        for parameter in task.encoders.parameters():
            parameter.zero_()
    with pytest.raises(CollapseError, match="same vector"):
        task.validate([heads], torch.Generator().manual_seed(0))


def test_several_modalities_are_refused() -> None:
    backbone = MedicalTransformer(MedicalTransformerConfig(width=4, embedding=8, in_channels=2))
    with pytest.raises(ConfigError, match="2 modalities"):
        SliceTissues(backbone, SHAPE)
