"""Bringing intensities to [0, 1] inside the brain."""

import numpy as np

from medical_transformer.errors import PreparationError
from medical_transformer.preprocessing.config import PipelineConfig
from medical_transformer.volumes import Volume


def normalize(volume: Volume, mask: Volume, config: PipelineConfig, name: str) -> Volume:
    """Map two intensities of the brain to 0 and 1, clip what is beyond, and set the background to 0.

    Plain min-max (the paper) is at the mercy of hot voxels: real scans reach 4 times their 99.5th
    percentile. The default therefore clips at that percentile and at its counterpart from below.

    Raises:
        PreparationError: naming the scan, if the brain has one intensity only.
    """
    inside = volume.voxels[mask.voxels]
    top = config.percentile if config.normalization == "percentile" else 100.0
    low, high = np.percentile(inside, [100.0 - top, top])
    if not high > low:
        raise PreparationError(f"{name}: the brain has the same intensity {high:g} nearly everywhere.")
    scaled = np.zeros(volume.shape, np.float32)
    scaled[mask.voxels] = np.clip((inside - low) / (high - low), 0.0, 1.0)
    return volume.with_voxels(scaled)
