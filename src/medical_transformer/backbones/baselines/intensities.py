"""From the intensities of a prepared scan to those that published weights were taught on.

A prepared scan lies in [0, 1] and is exactly 0 around the brain. Weights that learnt from other ranges answer such a
scan with features they were never trained to make. Each modality of each scan is brought there by itself, so that no
scan sees its neighbours.
"""

from collections.abc import Callable, Mapping
from typing import Literal

import torch
from jaxtyping import Bool
from torch import Tensor

from medical_transformer.shapes import VolumeBatch

Intensities = Literal["prepared", "symmetric", "z-scored", "whitened"]

SPACE = (2, 3, 4)
# Below this spread, a scan is constant where it is measured.
LEAST_SPREAD = 1e-5

Chosen = Bool[Tensor, "batch channel right anterior superior"]


def prepared(volumes: VolumeBatch) -> VolumeBatch:
    """Leave a scan as it was prepared."""
    return volumes


def symmetric(volumes: VolumeBatch) -> VolumeBatch:
    """Bring [0, 1] to [-1, 1]: I3D's range (Carreira and Zisserman 2017)."""
    return 2 * volumes - 1


def z_scored(volumes: VolumeBatch) -> VolumeBatch:
    """Give the voxels above 0 mean 0 and variance 1: MedicalNet's range (Chen et al. 2019).

    Around the head MedicalNet draws noise of the same mean and variance. A drawn background would give the same scan
    two answers, so that it gets the noise's mean, 0.
    """
    head = volumes > 0
    return standardised(volumes, head) * head


def whitened(volumes: VolumeBatch) -> VolumeBatch:
    """Give the voxels above the scan's mean mean 0 and variance 1: NiftyNet's whitening (Gibson et al. 2018).

    NiftyNet's histogram standardisation, which comes before it, is not done: its landmarks belong to whole heads, and
    a prepared scan has none but the brain.
    """
    return standardised(volumes, volumes > volumes.mean(dim=SPACE, keepdim=True))


def standardised(volumes: VolumeBatch, chosen: Chosen) -> VolumeBatch:
    """Shift and scale whole scans so that the chosen voxels of each modality have mean 0 and variance 1."""
    count = chosen.sum(dim=SPACE, keepdim=True).clamp(min=1)
    centred = volumes - (volumes * chosen).sum(dim=SPACE, keepdim=True) / count
    spread = ((centred.square() * chosen).sum(dim=SPACE, keepdim=True) / count).sqrt()
    return centred / torch.where(spread > LEAST_SPREAD, spread, 1)


BRING: Mapping[Intensities, Callable[[VolumeBatch], VolumeBatch]] = {
    "prepared": prepared,
    "symmetric": symmetric,
    "z-scored": z_scored,
    "whitened": whitened,
}
