"""Tissues of a batch are those of `preprocessing.tissues`, scan by scan."""

import numpy as np
import pytest
import torch

from medical_transformer.preprocessing.tissues import tissue_maps
from medical_transformer.pretraining.tissue_mixture import BINS, tissue_curves, tissues_of


@pytest.fixture
def scans() -> torch.Tensor:
    """Two heads of three intensities each, in other proportions and with another contrast, and background."""
    draws = np.random.default_rng(0)
    made = []
    for means, shares in (((0.25, 0.5, 0.8), (0.2, 0.5, 0.3)), ((0.2, 0.45, 0.6), (0.3, 0.3, 0.4))):
        tissue = draws.choice(3, p=shares, size=(18, 22, 20))
        voxels = np.clip(np.take(means, tissue) + draws.normal(0, 0.04, tissue.shape), 0.01, 1)
        voxels[:, :4] = 0
        made.append(voxels)
    return torch.from_numpy(np.stack(made)).float()[:, None]


def test_the_maps_are_those_of_one_scan_at_a_time(scans: torch.Tensor) -> None:
    together = tissues_of(scans)
    for scan, found in zip(scans, together, strict=True):
        expected = torch.from_numpy(tissue_maps(scan[0].numpy()))
        assert float((found - expected).abs().mean()) < 0.01
        assert float((found.argmax(0) != expected.argmax(0)).float().mean()) < 0.01


def test_a_scan_has_the_same_maps_in_any_batch(scans: torch.Tensor) -> None:
    torch.testing.assert_close(tissues_of(scans)[1:], tissues_of(scans[1:]))


def test_there_is_no_tissue_outside_the_brain_and_one_in_all_of_it(scans: torch.Tensor) -> None:
    total = tissues_of(scans).sum(dim=1, keepdim=True)
    torch.testing.assert_close(total, (scans > 0).float())


def test_dark_voxels_are_csf_and_bright_ones_white_matter() -> None:
    bins = torch.arange(BINS)
    peaks = [torch.exp(-(((bins - centre) / 10) ** 2) / 2) for centre in (60, 120, 200)]
    curves = tissue_curves((1000 * sum(peaks))[None])[0]
    assert [int(curves[:, place].argmax()) for place in (60, 120, 200)] == [0, 1, 2]


def test_a_scan_without_a_brain_has_no_tissues() -> None:
    empty = tissues_of(torch.zeros(1, 1, 5, 6, 7))
    assert bool((empty == 0).all())
