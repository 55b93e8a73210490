"""What weights of others were taught on: the ranges that their publications state, for every scan by itself."""

from typing import get_args

import pytest
import torch
from torch import Tensor

from medical_transformer.backbones import BACKBONES, build_backbone
from medical_transformer.backbones.baselines import Baseline, Intensities
from medical_transformer.backbones.baselines.intensities import BRING, symmetric, whitened, z_scored

SHAPE = (7, 5, 9)
HEADS = (slice(2, 6), slice(1, 4), slice(3, 8))


def heads(scans: int = 2, channels: int = 3) -> Tensor:
    """Return scans whose modalities differ in brightness, some voxels of the head darker than the scan's mean."""
    volumes = torch.zeros(scans, channels, *SHAPE)
    inside = torch.rand((scans, channels, 4, 3, 5), generator=torch.Generator().manual_seed(0))
    volumes[:, :, *HEADS] = 0.01 + 0.3 * inside * torch.arange(1.0, channels + 1)[:, None, None, None]
    return volumes


def test_i3d_sees_black_as_minus_one_and_white_as_one() -> None:
    assert symmetric(torch.tensor([0.0, 0.5, 1.0]).reshape(1, 1, 3, 1, 1)).flatten().tolist() == [-1.0, 0.0, 1.0]


def test_z_scores_have_mean_0_and_variance_1_inside_and_0_around_the_head() -> None:
    scored = z_scored(heads())
    inside = scored[:, :, *HEADS].flatten(2)
    torch.testing.assert_close(inside.mean(dim=2), torch.zeros(2, 3), rtol=0, atol=1e-5)
    torch.testing.assert_close(inside.var(dim=2, correction=0), torch.ones(2, 3), rtol=0, atol=1e-4)
    assert not scored[heads() == 0].any()


def test_whitening_takes_mean_and_variance_of_the_voxels_above_the_mean_of_the_scan() -> None:
    volumes = heads(1, 1)
    numbers = volumes.double().numpy()
    above = numbers[numbers > numbers.mean()]
    expected = (numbers - above.mean()) / above.std()
    torch.testing.assert_close(whitened(volumes), torch.from_numpy(expected).float(), rtol=1e-4, atol=1e-4)
    assert float(whitened(volumes)[volumes == 0].max()) < -1  # around the head is not 0


@pytest.mark.parametrize("name", get_args(Intensities))
def test_no_scan_and_no_modality_sees_another(name: Intensities) -> None:
    volumes = heads()
    together = BRING[name](volumes)
    for scan in range(2):
        for channel in range(3):
            alone = BRING[name](volumes[scan : scan + 1, channel : channel + 1])
            torch.testing.assert_close(together[scan, channel], alone[0, 0])


@pytest.mark.parametrize("name", get_args(Intensities))
@pytest.mark.parametrize("value", [0.0, 0.3])
def test_a_patch_of_one_value_stays_small_and_finite(name: Intensities, value: float) -> None:
    assert float(BRING[name](torch.full((1, 1, *SHAPE), value)).abs().max()) <= 1


@torch.no_grad()
def test_the_network_sees_what_it_is_set_to() -> None:
    for seen in ("symmetric", "z-scored"):
        networks = []
        for intensities in ("prepared", seen):
            with torch.random.fork_rng():
                torch.manual_seed(0)
                networks.append(build_backbone("models-genesis", {"intensities": intensities}).eval())
        plain, own = networks
        volumes = torch.rand((1, 1, 16, 24, 8), generator=torch.Generator().manual_seed(0))
        for one, other in zip(own(volumes, maps=True).maps, plain(BRING[seen](volumes), maps=True).maps, strict=True):
            torch.testing.assert_close(one, other)


def test_every_published_file_says_what_it_was_taught_on() -> None:
    published = {name: entry for name, entry in BACKBONES.items() if entry.weights}
    assert all(entry.taught_on for entry in published.values())
    assert {name: entry.intensities for name, entry in published.items()} == {
        "i3d": "symmetric",
        "niftynet-highres3dnet": "whitened",
        "medicalnet": "z-scored",
        "models-genesis": "prepared",
        "swin-unetr": "prepared",
    }
    with torch.device("meta"):
        assert all(isinstance(build_backbone(name, {}), Baseline) for name in published)
