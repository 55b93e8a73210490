"""Finding the brain in a head."""

from functools import cache
from importlib import metadata
from typing import Any

import numpy as np
from scipy import ndimage

from medical_transformer.errors import PreparationError
from medical_transformer.preprocessing.masks import fill, largest_piece
from medical_transformer.preprocessing.registration import HEAD_MM, register_affine
from medical_transformer.preprocessing.template import load_template
from medical_transformer.volumes import Volume, resample

# The largest human brains with their ventricles hold about 2 litres; the smallest whole heads that were met
# hold 4.9 (145 IXI heads: 4.9 to 7.0 litres are not zero; stripped scans: 1.1 to 1.9 litres).
LARGEST_BRAIN_ML = 2300.0
LEAST_SHARE_OF_ZEROS = 0.35


def is_stripped(volume: Volume) -> bool:
    """Tell whether a scan shows the brain only: much is exactly 0, and the rest is no bigger than a brain."""
    inside = volume.voxels != 0
    share_of_zeros = 1.0 - float(inside.mean())
    foreground_ml = float(inside.sum()) * volume.grid.voxel_volume_ml
    return share_of_zeros >= LEAST_SHARE_OF_ZEROS and foreground_ml <= LARGEST_BRAIN_ML


def stripped_mask(volumes: list[Volume]) -> Volume:
    """Return the mask of scans that are stripped already: what is not 0 in any of them, without its holes."""
    inside = np.logical_or.reduce([volume.voxels != 0 for volume in volumes])
    return volumes[0].with_voxels(fill(inside))


def deepbet_mask(head: Volume, name: str) -> Volume:
    """Find the brain with deepbet (MIT; Fisch et al. 2024, NeuroImage), two small networks on the CPU.

    Args:
        head: a T1w head, axes RAS, any voxel size.
        name: the scan, for the message of an error.

    Raises:
        PreparationError: if deepbet finds no brain.
    """
    import torch  # noqa: PLC0415  (only this way of finding a brain needs it)

    bet = _deepbet()
    try:
        with torch.inference_mode():
            probability = bet.run_model(head.voxels.astype(np.float32, copy=True))
        mask = bet.postprocess(probability > 0.5)
    except (AssertionError, ValueError, IndexError, RuntimeError) as error:
        raise PreparationError(f"{name}: deepbet found no brain; is this a T1w head? ({error})") from error
    return head.with_voxels(np.asarray(mask) > 0)


def template_mask(head: Volume, name: str) -> Volume:
    """Find the brain by carrying the template's mask through the affine of the whole head; needs no network.

    The carried mask is cleaned lightly: what is as dark as the skull is taken off its rim.

    Raises:
        PreparationError: if the registration fails, or the carried mask misses the field of view.
    """
    template = load_template()
    native_from_template = register_affine(head, name, within_mm=HEAD_MM)
    share = template.mask.with_voxels(template.mask.voxels.astype(np.float32))
    carried = resample(share, head.grid, world_to_world=np.linalg.inv(native_from_template)).voxels > 0.5
    if not carried.any():
        raise PreparationError(f"{name}: the template's brain lies outside the field of view.")
    dark = head.voxels < 0.25 * float(np.median(head.voxels[carried]))
    rim_mm = 4.0
    deep = ndimage.distance_transform_edt(carried, sampling=head.spacing_mm) > rim_mm
    cleaned = ndimage.binary_opening(carried & (deep | ~dark)) | deep
    return head.with_voxels(fill(largest_piece(cleaned)))


def deepbet_version() -> str:
    """Return the version of the deepbet wheel."""
    return metadata.version("deepbet")


@cache
def _deepbet() -> Any:
    """Load deepbet's networks once per process; its window toolkit is not imported."""
    try:
        from deepbet.bet import BrainExtraction  # noqa: PLC0415  (slow to import, and not always needed)
    except ImportError as error:
        raise PreparationError(
            f"deepbet cannot be imported ({error}); install it, or choose extraction='template'."
        ) from error
    return BrainExtraction(no_gpu=True)
