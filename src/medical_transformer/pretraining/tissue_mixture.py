"""Tissues of a whole batch at once, where its scans are: what `preprocessing.tissues` says of one scan on a processor.

A training step needs the maps of every scan it shows, so the mixture is fitted to the histogram of a scan's
intensities, which takes milliseconds, and on a card as well.
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor

from medical_transformer.preprocessing.tissues import TISSUES
from medical_transformer.shapes import VolumeBatch

TissueBatch = Float[Tensor, "batch 3 right anterior superior"]
Histograms = Float[Tensor, "batch bin"]
Mixtures = Float[Tensor, "batch 3 1"]

BINS = 256
ROUNDS = 100
QUANTILES = (0.1, 0.45, 0.8)  # of the intensities: where the three means begin
LEAST_VARIANCE = 1e-6


def tissues_of(volumes: VolumeBatch) -> TissueBatch:
    """Return the probability of CSF, grey and white matter in each voxel; all 0 outside the brain.

    Args:
        volumes: prepared T1 scans, one modality; intensities in [0, 1], 0 outside the brain.
    """
    brain = (volumes > 0).flatten(1)
    places = (volumes.flatten(1).float() * (BINS - 1)).round_().to(torch.int64)
    histograms = torch.zeros(len(volumes), BINS, device=volumes.device).scatter_add_(1, places, brain.float())
    curves = tissue_curves(histograms)
    maps = torch.gather(curves, 2, places[:, None].expand(-1, len(TISSUES), -1)) * brain[:, None]
    return maps.view(len(volumes), len(TISSUES), *volumes.shape[2:])


def tissue_curves(histograms: Histograms) -> Float[Tensor, "batch 3 bin"]:
    """Return the probability of each tissue at each intensity, from dark to bright.

    Expectation maximisation of three normal distributions, a fixed number of rounds for all scans.

    Args:
        histograms: voxels of the brain per intensity, from 0 to 1.
    """
    intensity = torch.linspace(0, 1, BINS, device=histograms.device)
    shares = (histograms / histograms.sum(dim=1, keepdim=True).clamp_min(1))[:, None]
    mean = intensity[_quantile_bins(shares)]
    overall = (shares * intensity).sum(dim=2, keepdim=True)
    variance = (shares * (intensity - overall).square()).sum(dim=2, keepdim=True).expand_as(mean) / len(
        TISSUES
    ) + LEAST_VARIANCE
    weight = torch.full_like(mean, 1 / len(TISSUES))
    for _ in range(ROUNDS):
        counted = shares * _responsibility(intensity, weight, mean, variance)
        weight = counted.sum(dim=2, keepdim=True).clamp_min(1e-9)
        mean = (counted * intensity).sum(dim=2, keepdim=True) / weight
        variance = (counted * (intensity - mean).square()).sum(dim=2, keepdim=True) / weight + LEAST_VARIANCE
    order = mean.argsort(dim=1)
    return _responsibility(intensity, *(part.gather(1, order) for part in (weight, mean, variance)))


def _quantile_bins(shares: Float[Tensor, "batch 1 bin"]) -> Tensor:
    """Return the bins in which the quantiles lie, where the means begin."""
    wanted = torch.tensor(QUANTILES, device=shares.device)[None, :, None]
    return (shares.cumsum(dim=2) < wanted).sum(dim=2, keepdim=True).clamp_max(BINS - 1)


def _responsibility(
    intensity: Float[Tensor, "bin"], weight: Mixtures, mean: Mixtures, variance: Mixtures
) -> Float[Tensor, "batch 3 bin"]:
    """Return how probable each tissue is at each intensity."""
    distance = (intensity - mean).square() / variance
    likelihood = weight.log() - 0.5 * (distance + variance.log() + math.log(2 * math.pi))
    return likelihood.softmax(dim=1)
