"""What every backbone promises (contracts.py); a new one is tested by its line in the registry alone."""

import re
from copy import deepcopy
from functools import lru_cache
from pathlib import Path

import pytest
import torch
from torch import Tensor

from medical_transformer.backbones import BACKBONES, build_backbone
from medical_transformer.backbones.weights import load_weights, read_tensors, save_weights
from medical_transformer.contracts import Backbone
from medical_transformer.tasks import BRATS_REGIONS, AnyTask, Classification, Segmentation, TaskModel

SHAPE = (20, 12, 18)
OTHER_SHAPE = (11, 17, 13)
# The fields of view of the paper: T1 scans at 2 mm, and BraTS with four modalities.
T1_SHAPE, BRATS_SHAPE = (96, 114, 96), (160, 192, 128)

# Smaller relatives keep the tests quick.
SMALLER: dict[str, dict[str, int]] = {"medicalnet": {"depth": 10}, "swin-unetr": {"width": 12}}

# Weights whose gradient is zero, or would be if numbers were exact.
WITHOUT_INFLUENCE = {
    # A key's bias adds the same to all scores of a query, and softmax does not see it.
    "medical-transformer": r"backbone\.transformer\.layers\.shared\.0\.key\.bias",
    # A bias before a normalisation of the scan is taken off again; the published networks have them.
    "niftynet-vnet": r".*\.(conv|halve|rise)\.bias",
    "models-genesis": r".*\.conv\.bias",
}

DIAGNOSIS = Classification(label="diagnosis", classes=("CN", "MCI", "AD"))
TUMOUR = Segmentation(values=(1, 2, 4), regions=BRATS_REGIONS)

# By backbone and not by test, so that a network is drawn only once.
pytestmark = pytest.mark.parametrize("name", BACKBONES, scope="module")


@lru_cache(maxsize=3)
def drawn(name: str, channels: int, seed: int) -> Backbone:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return build_backbone(name, {"in_channels": channels, **SMALLER.get(name, {})}).eval()


def built(name: str, *, channels: int = 1, seed: int = 0) -> Backbone:
    return deepcopy(drawn(name, channels, seed))


def scans(count: int = 2, *, channels: int = 1, shape: tuple[int, int, int] = SHAPE) -> Tensor:
    return torch.rand((count, channels, *shape), generator=torch.Generator().manual_seed(5))


@torch.no_grad()
def test_a_scan_does_not_see_its_neighbours_in_the_batch(name: str) -> None:
    backbone, together = built(name), scans(3)
    encoding = backbone(together, maps=True)
    for place in range(3):
        alone = backbone(together[place : place + 1], maps=True)
        torch.testing.assert_close(encoding.vector[place], alone.vector[0], rtol=1e-4, atol=1e-5)
        for one, other in zip(encoding.maps, alone.maps, strict=True):
            torch.testing.assert_close(one[place], other[0], rtol=1e-4, atol=1e-4)


@torch.no_grad()
def test_a_scan_sees_its_neighbours_in_training_only_where_the_backbone_says_so(name: str) -> None:
    backbone, together = built(name).train(), scans(3)
    changed = together.clone()
    changed[1:] = 1 - changed[1:] ** 2
    vectors = []
    for batch in (together, changed):
        torch.manual_seed(0)  # dropout draws the same
        vectors.append(backbone(batch).vector[0])
    assert torch.allclose(vectors[0], vectors[1], rtol=1e-4, atol=1e-5) != backbone.batch_statistics


@pytest.mark.parametrize("task", [DIAGNOSIS, TUMOUR], ids=["classification", "segmentation"])
def test_every_weight_gets_a_gradient(name: str, task: AnyTask) -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = TaskModel(built(name), task).eval()
    outputs = model(scans())
    (outputs * torch.randn(outputs.shape, generator=torch.Generator().manual_seed(1))).sum().backward()
    unmoved = {weight for weight, value in model.named_parameters() if value.grad is None or not bool(value.grad.any())}
    allowed = re.compile(WITHOUT_INFLUENCE.get(name, "nothing"))
    assert {weight for weight in unmoved if not allowed.fullmatch(weight)} == set()
    assert all(bool(value.grad.isfinite().all()) for value in model.parameters() if value.grad is not None)


@torch.no_grad()
def test_the_same_input_gives_the_same_output(name: str) -> None:
    backbone = built(name)
    one, other = backbone(scans(), maps=True), backbone(scans(), maps=True)
    assert torch.equal(one.vector, other.vector)
    assert all(torch.equal(first, second) for first, second in zip(one.maps, other.maps, strict=True))


@torch.no_grad()
def test_different_scans_are_encoded_differently(name: str) -> None:
    # Initial weights are small; what counts is the difference beside the vector's own length.
    vector = built(name)(scans()).vector
    assert float((vector[0] - vector[1]).norm() / vector[0].norm()) > 1e-4


@torch.no_grad()
def test_another_field_of_view_works(name: str) -> None:
    backbone = built(name)
    encoding = backbone(scans(1, shape=OTHER_SHAPE), maps=True)
    assert encoding.vector.shape == (1, backbone.feature_size)
    assert bool(encoding.vector.isfinite().all())


@torch.no_grad()
def test_saving_and_loading_changes_nothing(name: str, tmp_path: Path) -> None:
    one, other = built(name, seed=1), built(name, seed=2)
    save_weights(one, tmp_path / "weights.safetensors")
    load_weights(other, read_tensors(tmp_path / "weights.safetensors"))
    assert torch.equal(one(scans()).vector, other(scans()).vector)


@pytest.mark.parametrize("channels", [2, 4])
@torch.no_grad()
def test_several_modalities_work_and_each_counts(name: str, channels: int) -> None:
    backbone, batch = built(name, channels=channels), scans(1, channels=channels)
    assert backbone.in_channels == channels
    vector = backbone(batch).vector
    for channel in range(channels):
        changed = batch.clone()
        changed[:, channel] = 1 - changed[:, channel]
        assert not torch.equal(backbone(changed).vector, vector)


@torch.no_grad()
def test_vector_and_maps_have_the_promised_sizes(name: str) -> None:
    backbone = built(name)
    encoding = backbone(scans(), maps=True)
    assert encoding.vector.shape == (2, backbone.feature_size)
    assert tuple(one.shape[1] for one in encoding.maps) == backbone.map_channels
    for one in encoding.maps:
        assert one.ndim == 5
        assert all(side <= whole for side, whole in zip(one.shape[2:], SHAPE, strict=True))


@torch.no_grad()
def test_without_maps_there_are_none_and_the_vector_is_the_same(name: str) -> None:
    backbone = built(name)
    assert backbone(scans()).maps == ()
    torch.testing.assert_close(backbone(scans()).vector, backbone(scans(), maps=True).vector)


@torch.no_grad()
def test_a_scan_is_left_as_it_was(name: str) -> None:
    batch = scans()
    built(name)(batch, maps=True)
    assert torch.equal(batch, scans())


@pytest.mark.parametrize(("task", "shape"), [(DIAGNOSIS, T1_SHAPE), (TUMOUR, BRATS_SHAPE)], ids=["T1", "BraTS"])
def test_the_papers_fields_of_view_fit(name: str, task: AnyTask, shape: tuple[int, int, int]) -> None:
    """Only shapes are computed: on a device without values."""
    channels = 4 if task is TUMOUR else 1
    with torch.device("meta"):
        model = TaskModel(build_backbone(name, {"in_channels": channels}), task).to("meta")
        volumes = torch.empty(2, channels, *shape)
        outputs, encoding = model(volumes), model.backbone(volumes, maps=True)
    assert outputs.shape == ((2, 4, *shape) if task is TUMOUR else (2, 3))
    assert encoding.vector.shape == (2, model.backbone.feature_size)
    assert tuple(one.shape[1] for one in encoding.maps) == model.backbone.map_channels


@torch.no_grad()
def test_a_segmentation_covers_every_voxel_of_an_odd_field_of_view(name: str) -> None:
    model = TaskModel(built(name), TUMOUR).eval()
    scores = model(scans(1, shape=OTHER_SHAPE))
    assert scores.shape == (1, 4, *OTHER_SHAPE)
    assert bool(scores.isfinite().all())
    assert bool((scores != 0).all())
