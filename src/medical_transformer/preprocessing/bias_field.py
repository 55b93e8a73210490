"""Removing the coil's slow shading."""

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from medical_transformer.preprocessing.niimath import read_voxels, run_niimath
from medical_transformer.volumes import Volume


def correct_bias_field(volume: Volume, mask: Volume, name: str) -> Volume:
    """Divide by the shading that N4 (Tustison et al. 2010, in niimath's port) finds inside the brain.

    Negative intensities become 0 first, since N4 works on logarithms; the rest of the scale stays.

    Returns:
        The corrected volume, 0 outside the mask.

    Raises:
        PreparationError: naming the scan, if niimath fails.
    """
    inside = np.where(mask.voxels, np.maximum(volume.voxels, 0.0), 0.0).astype(np.float32)
    with TemporaryDirectory(prefix="medtrans-") as temporary:
        folder = Path(temporary)
        images = {"image": volume.with_voxels(inside), "mask": mask.with_voxels(mask.voxels.astype(np.uint8))}
        run_niimath(folder, name, images, ("image.nii", "-n4", "-mask", "mask.nii", "corrected.nii"))
        corrected = read_voxels(folder / "corrected.nii", name)
    return volume.with_voxels(np.where(mask.voxels, corrected, 0.0).astype(np.float32))
