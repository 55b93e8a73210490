"""From a header to where the voxels are in the head, in millimetres; what does not say that is refused."""

from typing import Any

import numpy as np
from jaxtyping import Float

from medical_transformer.errors import VolumeError

# NIfTI's codes of units: unknown, metre, millimetre, micrometre.
UNITS_TO_MM = {0: 1.0, 1: 1000.0, 2: 1.0, 3: 0.001}
SMALLEST_VOXEL_MM3 = 1e-9
# 16 mm is what a prepared volume has that was pooled by 8.
SPACING_MM = (0.1, 20.0)

Affine = Float[np.ndarray[Any, Any], "4 4"]


def affine_mm(affine: Affine, header: Any) -> Affine:
    """Return a file's affine in millimetres.

    Args:
        affine: voxel to world, in the unit of the header.
        header: nibabel's header of the file.

    Raises:
        VolumeError: if the header does not say where the voxels are; the sentence does not name the file.
    """
    scaled: Affine = np.array(affine, dtype=np.float64)
    if hasattr(header, "get_xyzt_units"):
        unit = int(header["xyzt_units"]) % 8  # the other bits are the unit of time
        if unit not in UNITS_TO_MM:
            raise VolumeError(f"the header's unit of length has the code {unit}, which is none; repair the file.")
        scaled[:3] *= UNITS_TO_MM[unit]
    check_affine(scaled)
    _check_handedness(header)
    return scaled


def check_affine(affine: Affine) -> None:
    """Refuse an affine that does not take voxels of a head's size to places of their own.

    Raises:
        VolumeError: if it is singular, not finite, or its voxels are none of a head; without the file's name.
    """
    if not np.isfinite(affine).all() or abs(np.linalg.det(affine[:3, :3])) < SMALLEST_VOXEL_MM3:
        rows = "; ".join(" ".join(f"{number:.4g}" for number in row) for row in affine[:3])
        raise VolumeError(
            f"the header's affine is singular or not finite ({rows}), so it does not say where the voxels are; "
            "restore the header from the original export."
        )
    spacing = np.linalg.norm(affine[:3, :3], axis=0)
    if spacing.min() < SPACING_MM[0] or spacing.max() > SPACING_MM[1]:
        sizes = " x ".join(f"{size:.3g}" for size in spacing)
        raise VolumeError(f"voxels of {sizes} mm are not a head scan; check the header's units.")


def _check_handedness(header: Any) -> None:
    """Refuse a header that leaves left and right open.

    This is strict on purpose: nothing in the voxels of a brain tells its sides, a guess would be wrong
    silently and for half of all programs, and whoever exported the file can still say it.
    """
    codes = [int(header[code]) if hasattr(header, "get_sform") else 0 for code in ("sform_code", "qform_code")]
    if not any(codes):
        raise VolumeError(
            "the header has neither qform nor sform, so left and right cannot be told; "
            "restore the orientation from the original export (dcm2niix writes it)."
        )
    if all(codes) and _mirrored(header.get_sform()) != _mirrored(_qform(header)):
        raise VolumeError("qform and sform of the header disagree about left and right; repair the header.")


def _qform(header: Any) -> Affine:
    try:
        qform: Affine = header.get_qform()
    except ValueError as error:  # of a quaternion that turns nothing
        raise VolumeError(f"the header's qform is damaged ({error}); restore it from the original export.") from error
    return qform


def _mirrored(affine: Affine) -> bool:
    return bool(np.linalg.det(affine[:3, :3]) < 0)
