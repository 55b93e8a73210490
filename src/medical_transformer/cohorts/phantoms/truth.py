"""What is true of a drawn head, known because it was drawn."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Int

from medical_transformer.cohorts.phantoms.anatomy import BrainTissue, Tissue
from medical_transformer.cohorts.phantoms.hippocampus import hippocampal_level
from medical_transformer.cohorts.phantoms.parameters import Diagnosis, HeadParameters, Sex
from medical_transformer.cohorts.phantoms.sampling import Samples, sample
from medical_transformer.cohorts.phantoms.ventricles import ventricle_map
from medical_transformer.volumes import Grid, Volume
from medical_transformer.volumes.grid import Affine


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Truth:
    """The truth about a drawn head.

    Attributes:
        age_years, sex, diagnosis: who it is.
        brain: mask of the brain, sulcal CSF included (uint8), on the image's grid.
        tissue: label map of `Tissue` (uint8) on the image's grid.
        volumes_ml: exact volumes, partial voxels counted by their share: `brain`, `csf`, `grey`, `white`,
            `ventricles`, `hippocampus_left`, `hippocampus_right`.
        head_to_template: affine from the scanner's mm to the template's mm.
        tumour: label map (0, 1, 2, 4) where a tumour was drawn.
    """

    age_years: float
    sex: Sex
    diagnosis: Diagnosis
    brain: Volume
    tissue: Volume
    head_to_template: Affine
    volumes_ml: Mapping[str, float] = field(default_factory=dict)
    tumour: Volume | None = None


def make_truth(
    parameters: HeadParameters,
    head_to_template: Affine,
    grid: Grid,
    voxels: Int[np.ndarray[Any, Any], " point"],
    tissue: BrainTissue,
) -> Truth:
    """Gather the truth from what was drawn.

    Args:
        parameters: the head's.
        head_to_template: affine from the scanner's mm to the template's mm.
        grid: the image's grid.
        voxels: flat indices of the voxels that may hold brain.
        tissue: the tissue there.
    """
    shares = np.stack([tissue.csf, tissue.grey, tissue.white])
    inside = tissue.brain > 0.5
    brain, labels = (np.zeros(int(np.prod(grid.shape)), dtype=np.uint8) for _ in range(2))
    brain[voxels] = inside
    labels[voxels] = np.where(inside, shares.argmax(axis=0) + 1, Tissue.BACKGROUND)
    return Truth(
        age_years=parameters.age_years,
        sex=parameters.sex,
        diagnosis=parameters.diagnosis,
        brain=Volume(brain.reshape(grid.shape), grid),
        tissue=Volume(labels.reshape(grid.shape), grid),
        head_to_template=head_to_template,
        volumes_ml=_volumes_ml(tissue, grid.voxel_volume_ml),
    )


def _volumes_ml(tissue: BrainTissue, voxel_ml: float) -> dict[str, float]:
    def total(shares: Samples) -> float:
        return float(shares.sum(dtype=np.float64)) * voxel_ml

    grey = tissue.brain * tissue.grey
    left, right = (grey * (hippocampal_level(tissue.points_mm, side) < 1) for side in (-1, 1))
    ventricles = tissue.csf * sample(ventricle_map(), tissue.points_mm, outside=0.0) / 255
    return {
        "brain": total(tissue.brain),
        "csf": total(tissue.brain * tissue.csf),
        "grey": total(grey),
        "white": total(tissue.brain * tissue.white),
        "ventricles": total(ventricles),
        "hippocampus_left": total(left),
        "hippocampus_right": total(right),
    }
