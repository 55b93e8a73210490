"""What decides how a tumour looks, and where one may grow."""

from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

import numpy as np
from jaxtyping import Float
from scipy import ndimage

from medical_transformer.cohorts.phantoms.parameters import SEED_LIMIT, HeadParameters, Pose, draw_parameters
from medical_transformer.cohorts.phantoms.sampling import halved
from medical_transformer.cohorts.phantoms.template import load_template

Grade = Literal["HGG", "LGG"]
Side = Literal["left", "right"]

# A centre keeps this far from the edge of the white matter, and from the midline.
MARGIN_MM, MIDLINE_MM = 2.0, 18.0
LOWEST_MM, HIGHEST_MM = -5.0, 45.0
# In the atlas all brains have about one size, nearly no rotation and no bias to speak of.
ATLAS_SIZE = (0.97, 0.945, 0.905)


@dataclass(frozen=True, slots=True, kw_only=True)
class TumourParameters:
    """Everything about one drawn tumour.

    Attributes:
        head: the person around it.
        grade: HGG has an enhancing rim, LGG has none.
        centre_mm: in template space, before the deformation.
        radius_mm: of the whole tumour, on average.
        core_share: radius of the core (necrosis and rim) relative to the whole.
        necrosis_share: radius of the necrosis relative to the core.
        raggedness: how much the radius varies with direction.
        mass_effect_mm: how far tissue at the core's edge is pushed aside.
        shape_seed: draws the shape.
    """

    head: HeadParameters
    grade: Grade
    centre_mm: tuple[float, float, float]
    radius_mm: float = 24.0
    core_share: float = 0.6
    necrosis_share: float = 0.7
    raggedness: float = 0.25
    mass_effect_mm: float = 3.0
    shape_seed: int = 0


def draw_tumour_parameters(
    random: np.random.Generator, *, grade: Grade | None = None, side: Side | None = None
) -> TumourParameters:
    """Draw a person with a tumour; grade (three of four are high) and side are drawn where not given."""
    drawn_grade: Grade = "HGG" if random.random() < 0.75 else "LGG"
    drawn_side: Side = "left" if random.random() < 0.5 else "right"
    age = round(float(np.clip(random.normal(60.0, 12.0), 19.0, 86.0)), 3)
    return TumourParameters(
        head=_in_atlas(draw_parameters(random, age_years=age), random),
        grade=grade or drawn_grade,
        centre_mm=_draw_centre(side or drawn_side, random),
        radius_mm=float(random.uniform(17.0, 30.0)),
        core_share=float(random.uniform(0.45, 0.7)),
        necrosis_share=float(random.uniform(0.6, 0.8)),
        raggedness=float(random.uniform(0.15, 0.3)),
        mass_effect_mm=float(random.uniform(1.0, 4.0)),
        shape_seed=int(random.integers(SEED_LIMIT)),
    )


def _in_atlas(head: HeadParameters, random: np.random.Generator) -> HeadParameters:
    first, second, third = (side * random.normal(1.0, 0.01) for side in ATLAS_SIZE)
    pitch, roll, yaw = random.normal(0.0, 1.0, 3)
    return HeadParameters(
        age_years=head.age_years,
        sex=head.sex,
        pose=Pose(size=(first, second, third), rotation_degrees=(float(pitch), float(roll), float(yaw))),
        person_mm=1.5,
        ventricle_growth_mm=head.ventricle_growth_mm,
        sulcal_widening=head.sulcal_widening,
        hippocampus_left_over=head.hippocampus_left_over,
        bias_strength=0.06,
        noise=head.noise,
        gain=float(random.uniform(250.0, 500.0)),
        anatomy_seed=head.anatomy_seed,
        image_seed=head.image_seed,
    )


def _draw_centre(side: Side, random: np.random.Generator) -> tuple[float, float, float]:
    candidates = _right_centres_mm()
    right, anterior, superior = (float(value) for value in candidates[random.integers(len(candidates))])
    return (right if side == "right" else -right, anterior, superior)


@cache
def _right_centres_mm() -> Float[np.ndarray[Any, Any], "candidate 3"]:
    """Return where the right hemisphere's white matter is deep enough for a tumour's centre."""
    white = halved(load_template().white)
    depth = 2.0 * ndimage.distance_transform_edt(white.voxels > 150)
    voxels = np.argwhere(depth > MARGIN_MM)
    centres = voxels @ white.voxel_to_world[:3, :3].T + white.voxel_to_world[:3, 3]
    fitting = (centres[:, 0] > MIDLINE_MM) & (centres[:, 2] > LOWEST_MM) & (centres[:, 2] < HIGHEST_MM)
    kept: Float[np.ndarray[Any, Any], "candidate 3"] = centres[fitting]
    return kept
