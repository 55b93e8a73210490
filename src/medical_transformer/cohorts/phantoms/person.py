"""One person: what the anatomy seed decides, and how bright the brain is."""

from dataclasses import dataclass

import numpy as np

from medical_transformer.cohorts.phantoms.anatomy import BrainTissue
from medical_transformer.cohorts.phantoms.contrast import BRAIN, Modality
from medical_transformer.cohorts.phantoms.deformation import LATTICE, Deformation, Velocity, draw_person, flow
from medical_transformer.cohorts.phantoms.parameters import HeadParameters
from medical_transformer.cohorts.phantoms.sampling import Samples, smooth_noise
from medical_transformer.cohorts.phantoms.ventricles import growth_velocity
from medical_transformer.volumes import Volume

FOLD_WAVELENGTH_MM, MOTTLE_WAVELENGTH_MM = 22.0, 18.0


@dataclass(frozen=True, slots=True, eq=False)
class Person:
    """What one person's anatomy seed decides: deformation, folds and mottled soft tissue."""

    deformation: Deformation
    folds: Volume
    mottle: Volume

    @classmethod
    def draw(cls, parameters: HeadParameters, extra: Velocity | None = None) -> "Person":
        """Draw the person; `extra` is added to the velocity that deforms the template."""
        random = np.random.default_rng(parameters.anatomy_seed)
        velocity = draw_person(parameters.person_mm, random)
        velocity += np.float32(parameters.ventricle_growth_mm) * growth_velocity()
        if extra is not None:
            velocity += extra
        return cls(
            deformation=flow(velocity),
            folds=Volume(smooth_noise(LATTICE, FOLD_WAVELENGTH_MM, random), LATTICE),
            mottle=Volume(smooth_noise(LATTICE, MOTTLE_WAVELENGTH_MM, random), LATTICE),
        )


def brain_intensity(tissue: BrainTissue, modality: Modality) -> Samples:
    """Return the brain's intensity relative to white matter."""
    contrast = {name: np.float32(value) for name, value in BRAIN[modality].items()}
    mixed: Samples = contrast["csf"] * tissue.csf + contrast["grey"] * tissue.grey + contrast["white"] * tissue.white
    return np.maximum(mixed + contrast["shade"] * tissue.shade, np.float32(0.02))
