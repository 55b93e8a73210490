"""T1 intensity of everything in a head that is not brain."""

import numpy as np

from medical_transformer.cohorts.phantoms.contrast import HEAD_T1
from medical_transformer.cohorts.phantoms.parameters import HeadParameters
from medical_transformer.cohorts.phantoms.sampling import Points, Samples, sample, smooth_step
from medical_transformer.cohorts.phantoms.surroundings import ellipsoid, load_surroundings
from medical_transformer.volumes import Volume

LAYER_EDGE_MM = 1.2
# Muscles run up and down: noise is sampled more slowly along that axis.
MUSCLE_RUNS = np.array([[1.0], [1.0], [0.5]], dtype=np.float32)
# Centre and radii in mm of template space; paired structures by their right one.
EYE = ((33.0, 62.0, -42.0), (12.5, 12.5, 12.5))
ORBIT = ((31.0, 50.0, -41.0), (19.0, 27.0, 17.0))
NASAL_CAVITY = ((0.0, 66.0, -62.0), (15.0, 30.0, 22.0))
MAXILLARY_SINUS = ((29.0, 54.0, -73.0), (14.0, 16.0, 13.0))
SPHENOID_SINUS = ((0.0, 20.0, -40.0), (11.0, 12.0, 8.0))
TONGUE = ((0.0, 48.0, -104.0), (26.0, 34.0, 20.0))
PHARYNX_Y, PHARYNX_RADIUS_MM, PHARYNX_TOP_MM = 6.0, 8.0, -62.0
# The spinal cord leaves the template's brain here and runs down.
CORD_TOP_MM, CORD_Y, CORD_SLOPE = -62.0, -43.0, 0.08


def soft_tissue(
    points_mm: Points, from_cranium_mm: Samples, person_mottle: Volume, parameters: HeadParameters
) -> Samples:
    """Return the intensity relative to white matter, layer over layer.

    Args:
        points_mm: template positions.
        from_cranium_mm: distance from the cranium's inner wall there.
        person_mottle: the person's soft-tissue noise, unit variance.
        parameters: the thickness of the layers.
    """
    below_skin_mm = sample(load_surroundings().below_skin_mm, points_mm)
    mottle = sample(person_mottle, points_mm * MUSCLE_RUNS)
    deep = _deep_tissue(points_mm, mottle)
    fat = HEAD_T1["fat"] + 0.18 * np.clip(mottle, -2, 2)
    image = _blend(fat, deep, smooth_step(below_skin_mm, parameters.fat_mm, 2.0))
    image = _blend(HEAD_T1["skin"], image, smooth_step(below_skin_mm, 1.2, LAYER_EDGE_MM))
    image = _blend(HEAD_T1["air"], image, smooth_step(below_skin_mm, 0.0, LAYER_EDGE_MM))
    skull_end = parameters.csf_mm + parameters.skull_mm
    image = _blend(_skull(from_cranium_mm, mottle, parameters), image, smooth_step(from_cranium_mm, skull_end, 1.5))
    image = _blend(HEAD_T1["csf"], image, smooth_step(from_cranium_mm, parameters.csf_mm, LAYER_EDGE_MM))
    return _with_cord(image, points_mm)


def _blend(below: Samples | float, above: Samples, weight: Samples) -> Samples:
    blended: Samples = (below + (above - below) * weight).astype(np.float32)
    return blended


def _skull(from_cranium_mm: Samples, mottle: Samples, parameters: HeadParameters) -> Samples:
    """Return two dark tables with patches of marrow between them."""
    middle = np.abs(from_cranium_mm - parameters.csf_mm - 0.55 * parameters.skull_mm) / parameters.skull_mm
    patches = 0.7 * smooth_step(mottle, 0.0, 2.0) * (1 - smooth_step(middle, 0.2, 0.25))
    return _blend(HEAD_T1["bone"], np.full_like(patches, HEAD_T1["marrow"]), patches)


def _deep_tissue(points_mm: Points, mottle: Samples) -> Samples:
    """Return mottled muscle, the face's cavities, eyes and tongue."""
    image = HEAD_T1["muscle"] + 0.19 * np.clip(mottle, -1.9, 2.8)
    mirrored = np.abs(points_mm[0])
    paired = np.stack([mirrored, points_mm[1], points_mm[2]])
    ragged = np.float32(0.22) * mottle
    image = _fill(image, 0.6 + ragged, paired, TONGUE)
    image = _fill(image, HEAD_T1["fat"] * 0.85, paired, ORBIT)
    image = _fill(image, HEAD_T1["eye"], paired, EYE)
    for cavity in (MAXILLARY_SINUS, SPHENOID_SINUS):
        image = _fill(image, HEAD_T1["air"], paired, cavity)
    image = _fill(image, np.clip(0.15 + 0.25 * mottle, 0.02, 0.6), paired, NASAL_CAVITY)
    away = np.hypot(points_mm[0], points_mm[1] - PHARYNX_Y)
    throat = (1 - smooth_step(away, PHARYNX_RADIUS_MM, 3.0)) * (1 - smooth_step(points_mm[2], PHARYNX_TOP_MM, 6.0))
    return _blend(HEAD_T1["air"], image, 1 - throat)


def _fill(
    image: Samples,
    value: Samples | float,
    points_mm: Points,
    shape: tuple[tuple[float, float, float], tuple[float, float, float]],
) -> Samples:
    return _blend(value, image, smooth_step(ellipsoid(points_mm, *shape), 1.0, 0.15))


def _with_cord(image: Samples, points_mm: Points) -> Samples:
    """Draw the cord below the brain: white matter in CSF in a bony canal with vertebrae in front."""
    lower = np.flatnonzero(points_mm[2] < CORD_TOP_MM + 4)
    right, anterior, superior = points_mm[:, lower]
    line = CORD_Y + CORD_SLOPE * (CORD_TOP_MM - superior)
    away = np.hypot(right, anterior - line)
    body = np.hypot(right / 1.2, anterior - line - 20.0)
    discs = smooth_step(np.abs(np.mod(superior, 17.0) - 8.5), 7.0, 2.0)
    vertebra = _blend(HEAD_T1["marrow"] * 1.1, np.full_like(right, 0.2), discs)
    drawn = _blend(vertebra, image[lower], smooth_step(body, 10.5, 2.0))
    drawn = _blend(HEAD_T1["bone"], drawn, smooth_step(away, 11.0, 2.0))
    drawn = _blend(HEAD_T1["csf"], drawn, smooth_step(away, 8.5, 1.5))
    drawn = _blend(HEAD_T1["cord"], drawn, smooth_step(away, 5.5, 1.5))
    fade = 1 - smooth_step(superior, CORD_TOP_MM, 8.0)
    result = image.copy()
    result[lower] = _blend(image[lower], drawn, fade)
    return result
