"""Rendering a glioma in four modalities, with nested regions as BraTS labels them."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import IntEnum

import numpy as np

from medical_transformer.cohorts.phantoms.anatomy import BrainTissue, brain_tissue
from medical_transformer.cohorts.phantoms.contrast import MODALITIES, TUMOUR, Modality
from medical_transformer.cohorts.phantoms.deformation import LATTICE, push_from
from medical_transformer.cohorts.phantoms.parameters import HeadParameters
from medical_transformer.cohorts.phantoms.person import Person, brain_intensity
from medical_transformer.cohorts.phantoms.pose import template_to_atlas
from medical_transformer.cohorts.phantoms.sampling import Points, Samples, positions, sample, smooth_noise, smooth_step
from medical_transformer.cohorts.phantoms.scanner import Image, add_rician_noise, bias_field, digitised
from medical_transformer.cohorts.phantoms.surroundings import load_surroundings
from medical_transformer.cohorts.phantoms.truth import Truth, make_truth
from medical_transformer.cohorts.phantoms.tumour_parameters import (
    Grade,
    Side,
    TumourParameters,
    draw_tumour_parameters,
)
from medical_transformer.volumes import Grid, Volume, bounding_box, crop, uncrop

SHAPE_WAVELENGTH_MM = 34.0
# BraTS 2020: 240 x 240 x 155 voxels of 1 mm, stored LPS with the origin at (0, 239, 0).
ATLAS_SHAPE = (240, 240, 155)


class TumourLabel(IntEnum):
    """Labels of BraTS 2020; there is no 3."""

    NONE = 0
    CORE = 1
    EDEMA = 2
    ENHANCING = 4


@dataclass(frozen=True, slots=True, eq=False)
class DrawnTumour:
    """Four skull-stripped scans on one grid (int16, RAS+ in memory), the label map, and the truth."""

    images: Mapping[Modality, Volume]
    segmentation: Volume
    truth: Truth
    parameters: TumourParameters


def draw_tumour(
    seed: int | np.random.Generator,
    *,
    grade: Grade | None = None,
    side: Side | None = None,
    spacing_mm: float = 1.0,
) -> DrawnTumour:
    """Draw a brain with a glioma.

    Args:
        seed: a number, or a generator to draw the next case from.
        grade: drawn where it is not given; LGG has no enhancing rim.
        side: hemisphere of the tumour; drawn where it is not given.
        spacing_mm: 1 gives the grid of BraTS, 240x240x155; 2 gives 120x120x78, an eighth of the work.
    """
    parameters = draw_tumour_parameters(np.random.default_rng(seed), grade=grade, side=side)
    return render_tumour(parameters, atlas_grid(spacing_mm))


def atlas_grid(spacing_mm: float = 1.0) -> Grid:
    """Return the grid of BraTS in RAS+, or a coarser one over the same field of view."""
    right, anterior, superior = (int(np.ceil(side / spacing_mm)) for side in ATLAS_SHAPE)
    affine = np.diag([spacing_mm, spacing_mm, spacing_mm, 1.0])
    # The stored origin, voxel (0, 0, 0) of LPS, stays at (0, 239, 0) whatever the spacing.
    affine[:3, 3] = [-(right - 1) * spacing_mm, 239.0 - (anterior - 1) * spacing_mm, 0.0]
    return Grid((right, anterior, superior), affine)


def render_tumour(parameters: TumourParameters, grid: Grid) -> DrawnTumour:
    """Render a case: the same parameters and grid give the same voxels."""
    head = parameters.head
    core_mm = parameters.core_share * parameters.radius_mm
    person = Person.draw(head, push_from(parameters.centre_mm, core_mm, parameters.mass_effect_mm))
    head_to_template = np.linalg.inv(template_to_atlas(head.pose))
    points = positions(grid, head_to_template)
    where = np.flatnonzero(sample(load_surroundings().from_cranium_mm, points, order=0) < 14.0)
    here, points = points[:, where], person.deformation.pull(points[:, where])
    tissue = brain_tissue(points, sample(person.folds, points), head)
    regions = tumour_regions(here, tissue, parameters)
    truth = make_truth(head, head_to_template, grid, where, tissue)
    labels = _on_grid(regions.labels(tissue.brain > 0.5), where, grid).astype(np.uint8)
    images = {
        modality: _stripped(_on_grid(image, where, grid), truth.brain, head, number)
        for number, modality in enumerate(MODALITIES)
        for image in (regions.painted(brain_intensity(tissue, modality), modality),)
    }
    segmentation = Volume(labels, grid)
    return DrawnTumour(images, segmentation, replace(truth, tumour=segmentation), parameters)


@dataclass(frozen=True, slots=True, eq=False)
class TumourRegions:
    """Shares of points that belong to each nested region: necrosis within core within whole."""

    whole: Samples
    core: Samples
    necrosis: Samples
    enhances: bool

    def labels(self, brain: Samples) -> Samples:
        """Return the BraTS label of each point."""
        inner = TumourLabel.ENHANCING if self.enhances else TumourLabel.CORE
        labels = np.where(self.whole > 0.5, TumourLabel.EDEMA, TumourLabel.NONE)
        labels = np.where(self.core > 0.5, inner, labels)
        labels = np.where(self.necrosis > 0.5, TumourLabel.CORE, labels)
        kept: Samples = np.where(brain, labels, TumourLabel.NONE).astype(np.float32)
        return kept

    def painted(self, image: Samples, modality: Modality) -> Samples:
        """Return a brain's intensities with the tumour over them."""
        colour = TUMOUR[modality]
        image = image + (np.float32(colour["edema"]) - image) * self.whole * np.float32(0.85)
        rim = colour["rim"] if self.enhances else 0.5 * (colour["core"] + colour["edema"])
        image = image + (np.float32(rim) - image) * self.core
        painted: Samples = image + (np.float32(colour["core"]) - image) * self.necrosis
        return painted


def tumour_regions(points_mm: Points, tissue: BrainTissue, parameters: TumourParameters) -> TumourRegions:
    """Return the nested regions at points (in template-aligned mm before the deformation).

    One ragged distance from the centre, cut at three depths, keeps the regions nested. Edema spreads along
    white matter, stops at CSF and hardly crosses the midline.
    """
    random = np.random.default_rng(parameters.shape_seed)
    outline, inner = (Volume(smooth_noise(LATTICE, SHAPE_WAVELENGTH_MM, random), LATTICE) for _ in range(2))
    centre = np.array(parameters.centre_mm, dtype=np.float32)[:, None]
    distance = np.sqrt(((points_mm - centre) ** 2).sum(axis=0)) / np.float32(parameters.radius_mm)
    distance *= 1 + np.float32(parameters.raggedness) * np.clip(sample(outline, points_mm), -1.8, 1.8)
    across = points_mm[0] * np.sign(centre[0]) < 0
    resistance = 1 + 0.3 * tissue.grey + 1.2 * tissue.csf + 0.4 * across
    ragged_core = distance * (1 + np.float32(0.18) * np.clip(sample(inner, points_mm), -2, 2))
    whole = 1 - smooth_step(distance * resistance, 1.0, 0.15)
    core = np.minimum(1 - smooth_step(ragged_core, parameters.core_share, 0.08), whole)
    deep = 1 - smooth_step(ragged_core, parameters.core_share * parameters.necrosis_share, 0.08)
    return TumourRegions(whole, core, np.minimum(deep, core), enhances=parameters.grade == "HGG")


def _on_grid(values: Samples, where: Samples, grid: Grid) -> Image:
    voxels = np.zeros(int(np.prod(grid.shape)), dtype=np.float32)
    voxels[where] = values
    return voxels.reshape(grid.shape)


def _stripped(image: Image, brain: Volume, head: HeadParameters, number: int) -> Volume:
    """Scan the brain's box and set everything outside the brain to 0, as BraTS does."""
    random = np.random.default_rng([head.image_seed, number])
    box = bounding_box(brain.voxels)
    inside, drawn = crop(brain, box), crop(brain.with_voxels(image), box)
    noisy = drawn.voxels * bias_field(inside.grid, head.bias_strength, random)
    noisy = add_rician_noise(noisy, head.noise, random)
    numbers = np.maximum(digitised(noisy, head.gain * float(random.uniform(0.7, 1.4))), 1)
    return uncrop(Volume(np.where(inside.voxels > 0, numbers, 0).astype(np.int16), inside.grid), box, brain.grid)
