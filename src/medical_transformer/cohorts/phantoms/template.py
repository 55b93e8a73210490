"""The template that every drawn brain is made of: the MNI ICBM152 2009a symmetric maps in nilearn's wheel.

Copyright (C) 1993-2009 Louis Collins, McConnell Brain Imaging Centre, Montreal Neurological Institute.
"""

from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
from jaxtyping import Shaped
from scipy import ndimage

from medical_transformer.errors import CohortError
from medical_transformer.volumes import Grid, Volume

FILE_NAME = "mni_icbm152_{}_tal_nlin_sym_09a_converted.nii.gz"
# Mean T1 intensity of the template where a tissue map exceeds 0.9.
CSF_T1, GREY_T1, WHITE_T1 = 68.0, 166.0, 222.0

Map = Shaped[np.ndarray[Any, Any], "right anterior superior"]


@dataclass(frozen=True, slots=True, eq=False)
class Template:
    """The template's maps at 1 mm, each uint8 from 0 (none) to 255 (all).

    Attributes:
        brain: the brain mask (0 or 255), CSF in sulci and ventricles included.
        grey: probability of grey matter.
        white: probability of white matter.
        shade: T1 intensity relative to what grey, white and CSF alone would give; 128 is as expected, one
            step is 1/256. It carries what tissue maps lack, such as the thalamus between grey and white.
    """

    brain: Volume
    grey: Volume
    white: Volume
    shade: Volume


@cache
def load_template() -> Template:
    """Read the maps from nilearn's wheel, without importing nilearn.

    Raises:
        CohortError: if nilearn is not installed or ships no template.
    """
    t1, grid = _read("t1")
    brain = t1 > 0
    grey, white = (np.where(brain, _read(tissue)[0], 0).astype(np.uint8) for tissue in ("gm", "wm"))
    return Template(
        brain=Volume(np.where(brain, 255, 0).astype(np.uint8), grid),
        grey=Volume(grey, grid),
        white=Volume(white, grid),
        shade=Volume(_shade(t1, grey, white, brain), grid),
    )


def _read(kind: str) -> tuple[Map, Grid]:
    spec = find_spec("nilearn")
    if spec is None or spec.origin is None:
        raise CohortError("Drawing brains needs the template in nilearn's wheel; `pip install nilearn`.")
    path = Path(spec.origin).parent / "datasets" / "data" / FILE_NAME.format(kind)
    if not path.is_file():
        raise CohortError(f"{path}: nilearn ships no such template; install nilearn 0.11 or newer.")
    image = nibabel.load(path)
    voxels = np.asarray(image.dataobj)
    return voxels, Grid(voxels.shape, np.asarray(image.affine, dtype=np.float64))


def _shade(t1: Map, grey: Map, white: Map, brain: Map) -> Map:
    share_grey, share_white = grey.astype(np.float32) / 255, white.astype(np.float32) / 255
    share_csf = np.clip(1 - share_grey - share_white, 0, 1)
    expected = CSF_T1 * share_csf + GREY_T1 * share_grey + WHITE_T1 * share_white
    difference = np.where(brain, (t1 - expected) / WHITE_T1, 0)
    smooth = ndimage.uniform_filter(difference, 3)
    shade: Map = np.clip(np.rint(128 + 256 * smooth), 0, 255).astype(np.uint8)
    return shade
