"""Rendering a head: parameters in, an image and the truth about it out."""

from dataclasses import dataclass
from functools import cache

import numpy as np

from medical_transformer.cohorts.phantoms.anatomy import brain_tissue
from medical_transformer.cohorts.phantoms.contrast import HEAD_T1
from medical_transformer.cohorts.phantoms.deformation import LATTICE
from medical_transformer.cohorts.phantoms.parameters import (
    Diagnosis,
    HeadParameters,
    Sex,
    draw_parameters,
)
from medical_transformer.cohorts.phantoms.person import Person, brain_intensity
from medical_transformer.cohorts.phantoms.pose import Acquisition, template_to_scanner
from medical_transformer.cohorts.phantoms.sampling import positions, sample
from medical_transformer.cohorts.phantoms.scanner import Image, add_rician_noise, bias_field, digitised
from medical_transformer.cohorts.phantoms.soft_tissue import soft_tissue
from medical_transformer.cohorts.phantoms.surroundings import load_surroundings
from medical_transformer.cohorts.phantoms.truth import Truth, make_truth
from medical_transformer.volumes import Grid, Volume

FOLD_WAVELENGTH_MM, MOTTLE_WAVELENGTH_MM = 24.0, 30.0


@dataclass(frozen=True, slots=True, eq=False)
class DrawnHead:
    """A drawn T1 scan (int16, RAS+ in memory) and what is true of it."""

    volume: Volume
    truth: Truth
    parameters: HeadParameters
    acquisition: Acquisition


def draw_head(
    seed: int | np.random.Generator,
    *,
    age_years: float | None = None,
    sex: Sex | None = None,
    diagnosis: Diagnosis = "CN",
    acquisition: Acquisition | None = None,
) -> DrawnHead:
    """Draw a head and its scan.

    Args:
        seed: a number, or a generator to draw the next head from.
        age_years: drawn between 20 and 86 where it is not given.
        sex: drawn where it is not given.
        diagnosis: CN, MCI or AD.
        acquisition: voxel size, field of view and axes; IXI-like at about 2 mm where it is not given.
    """
    parameters = draw_parameters(np.random.default_rng(seed), age_years=age_years, sex=sex, diagnosis=diagnosis)
    return render_head(parameters, acquisition or Acquisition())


def render_head(parameters: HeadParameters, acquisition: Acquisition) -> DrawnHead:
    """Render a head: the same parameters and acquisition give the same voxels."""
    grid = acquisition.grid()
    person = Person.draw(parameters)
    head_to_template = np.linalg.inv(template_to_scanner(parameters.pose))
    points = positions(grid, head_to_template)
    where = np.flatnonzero(sample(_around_head(), points, order=0))
    points = person.deformation.pull(points[:, where])
    from_cranium = sample(load_surroundings().from_cranium_mm, points)
    image = np.full(len(where), HEAD_T1["csf"], dtype=np.float32)
    outer = np.flatnonzero(from_cranium > 0.0)
    image[outer] = soft_tissue(points[:, outer], from_cranium[outer], person.mottle, parameters)
    near = np.flatnonzero(from_cranium < 3.0)
    tissue = brain_tissue(points[:, near], sample(person.folds, points[:, near]), parameters)
    image[near] += tissue.brain * (brain_intensity(tissue, "T1w") - image[near])
    voxels = np.zeros(int(np.prod(grid.shape)), dtype=np.float32)
    voxels[where] = image
    volume = Volume(_scanned(voxels.reshape(grid.shape), grid, parameters), grid)
    truth = make_truth(parameters, head_to_template, grid, where[near], tissue)
    return DrawnHead(volume, truth, parameters, acquisition)


def _scanned(image: Image, grid: Grid, parameters: HeadParameters) -> Image:
    random = np.random.default_rng(parameters.image_seed)
    biased = image * bias_field(grid, parameters.bias_strength, random)
    return digitised(add_rician_noise(biased, parameters.noise, random), parameters.gain)


@cache
def _around_head() -> Volume:
    """Return a generous mask of where a head can be, on the coarse lattice."""
    depth = sample(load_surroundings().below_skin_mm, positions(LATTICE))
    return Volume((depth > -12.0).astype(np.uint8).reshape(LATTICE.shape), LATTICE)
