"""Bringing a brain or a head to the template with 12 parameters."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from jaxtyping import Float

from medical_transformer.preprocessing.alignment import align, refine
from medical_transformer.preprocessing.masks import centre
from medical_transformer.preprocessing.niimath import read_affine, run_niimath
from medical_transformer.preprocessing.template import load_template
from medical_transformer.volumes import Grid, Volume
from medical_transformer.volumes.grid import Affine

Point = Float[np.ndarray[Any, Any], "3"]

# Where the centre of a registered brain may lie: 0.1 to 2.5 mm from the template's in IXI, 92 to 116 mm
# where the search was lost. A head's centre lies lower, by the neck.
BRAIN_MM, HEAD_MM = 20.0, 70.0


# Correlation of a T1w brain with the template, smoothed alike: 0.82 to 0.88 in IXI; below this another search is
# tried as well.
LEAST_CORRELATION = 0.7


def register_brain(brain: Volume, name: str) -> Affine:
    """Find the affine from template to native millimetres (RAS) of a T1w brain, 0 around it.

    `alignment.align` is sooner than niimath's search and ten times as exact. Where it ends with a poor
    correlation, niimath searches from the header's place, and the better of the two stands.

    Raises:
        PreparationError: naming the scan, if the other search is needed and fails.
    """
    found = align(brain)
    if found.correlation < LEAST_CORRELATION:
        found = max(found, refine(brain, register_affine(brain, name)), key=lambda one: one.correlation)
    return found.native_from_template


def register_affine(moving: Volume, name: str, *, within_mm: float = BRAIN_MM) -> Affine:
    """Find the affine of a brain or head of any contrast, in the direction in which images are pulled.

    niimath's default cost holds on brains (mean error 0.19 mm over known affines) and on whole heads
    (0.27 mm) alike. A template at 2 mm is sooner than one at 1 mm and leads 0.2 to 0.4 mm beside it on average.
    From where the header puts the brain its search is lost now and then (in 3 of the first 66 IXI heads); it is
    then started once more with the centres laid upon each other.

    Args:
        moving: a brain or a head, 0 around it.
        name: the scan, for the message of an error.
        within_mm: distance of the centres beyond which the search counts as lost.

    Raises:
        PreparationError: naming the scan, if niimath fails or finds no usable affine.
    """
    native_from_template = _search(moving, name)
    if _distance_mm(moving, native_from_template) <= within_mm:
        return native_from_template
    shift = np.eye(4)
    shift[:3, 3] = _template_centre() - _centre(moving)
    centred = Volume(moving.voxels, Grid(moving.shape, shift @ moving.voxel_to_world))
    from_centred: Affine = np.linalg.inv(shift) @ _search(centred, name)
    return from_centred


def _search(moving: Volume, name: str) -> Affine:
    with TemporaryDirectory(prefix="medtrans-") as temporary:
        folder = Path(temporary)
        images = {"moving": moving, "template": load_template().brain}
        arguments = ("moving.nii", "-allineate", "template.nii", "-linear", "-savemat", "affine.json", "out.nii")
        run_niimath(folder, name, images, arguments)
        return read_affine(folder / "affine.json", name)


def _distance_mm(moving: Volume, native_from_template: Affine) -> float:
    carried = np.linalg.inv(native_from_template) @ [*_centre(moving), 1.0]
    return float(np.linalg.norm(carried[:3] - _template_centre()))


def _template_centre() -> Point:
    mask = load_template().mask
    return _world(mask, centre(mask.voxels))


def _centre(volume: Volume) -> Point:
    return _world(volume, centre(volume.voxels > 0))


def _world(volume: Volume, index: Point) -> Point:
    place: Point = (volume.voxel_to_world @ [*index, 1.0])[:3]
    return place
