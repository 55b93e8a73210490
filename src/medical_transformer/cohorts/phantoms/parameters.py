"""What decides how a head looks: drawn once, then rendered as often as wanted."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from medical_transformer.errors import CohortError

Sex = Literal["female", "male"]
Diagnosis = Literal["CN", "MCI", "AD"]

# The template is larger than life; these are the mean lengths of a head relative to it.
MEAN_SIZE: dict[Sex, float] = {"female": 0.905, "male": 0.945}
# Share of the hippocampus that is left, and what the ventricles grow beyond their age, in mm: mean and spread.
HIPPOCAMPUS_LEFT_OVER: dict[Diagnosis, tuple[float, float]] = {
    "CN": (0.97, 0.06),
    "MCI": (0.82, 0.08),
    "AD": (0.66, 0.09),
}
VENTRICLE_EXCESS_MM: dict[Diagnosis, tuple[float, float]] = {"CN": (0.0, 0.5), "MCI": (0.3, 0.6), "AD": (0.9, 0.7)}
MAX_ROTATION_DEGREES, MAX_SHIFT_MM = 15.0, 15.0
SEED_LIMIT = 2**31


@dataclass(frozen=True, slots=True, kw_only=True)
class Pose:
    """How the head lies in the scanner.

    Attributes:
        size: lengths along right, anterior and superior relative to the template.
        rotation_degrees: about the right, anterior and superior axis.
        shift_mm: along right, anterior and superior.
    """

    size: tuple[float, float, float] = (0.925, 0.925, 0.925)
    rotation_degrees: tuple[float, float, float] = (0.0, 0.0, 0.0)
    shift_mm: tuple[float, float, float] = (0.0, 0.0, 0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadParameters:
    """Everything about one drawn head and its image.

    Attributes:
        age_years, sex, diagnosis: who it is; what they do to the brain stands in the fields below.
        pose: size and position.
        person_mm: standard deviation of the individual deformation.
        ventricle_growth_mm: how far the ventricles' walls move outwards.
        sulcal_widening: 0 leaves the template's CSF; 1 doubles thin films of it, at the cortex' cost.
        hippocampus_left_over: how much of the left and of the right hippocampus' ellipsoid is left (1 is all).
        csf_mm, skull_mm, fat_mm: thickness of the layers around the brain.
        bias_strength: the bias field stays within about 1 +- this.
        noise: standard deviation of the noise relative to white matter.
        gain: intensity of white matter.
        anatomy_seed: draws deformation, folds and soft tissue.
        image_seed: draws bias field and noise.
    """

    age_years: float
    sex: Sex
    diagnosis: Diagnosis = "CN"
    pose: Pose = Pose()
    person_mm: float = 2.0
    ventricle_growth_mm: float = 0.0
    sulcal_widening: float = 0.0
    hippocampus_left_over: tuple[float, float] = (1.0, 1.0)
    csf_mm: float = 2.0
    skull_mm: float = 6.5
    fat_mm: float = 4.5
    bias_strength: float = 0.25
    noise: float = 0.025
    gain: float = 800.0
    anatomy_seed: int = 0
    image_seed: int = 0

    def __post_init__(self) -> None:
        if not 0.0 < min(self.hippocampus_left_over) <= max(self.hippocampus_left_over) <= 1.0:
            raise CohortError(
                f"The left-over share of a hippocampus lies in (0, 1], but got {self.hippocampus_left_over}."
            )
        if not -1.0 <= self.sulcal_widening <= 1.0:
            raise CohortError(f"Sulcal widening lies in [-1, 1], but got {self.sulcal_widening}.")


def draw_parameters(
    random: np.random.Generator,
    *,
    age_years: float | None = None,
    sex: Sex | None = None,
    diagnosis: Diagnosis = "CN",
) -> HeadParameters:
    """Draw a head; age (20 to 86) and sex are drawn too where they are not given."""
    drawn_age = round(float(random.uniform(20.0, 86.0)), 2)
    drawn_sex: Sex = "male" if random.random() < 0.5 else "female"
    age, chosen_sex = drawn_age if age_years is None else age_years, sex or drawn_sex
    layers = random.normal([2.0, 6.5, 4.5], [0.3, 0.7, 0.8])
    return HeadParameters(
        age_years=age,
        sex=chosen_sex,
        diagnosis=diagnosis,
        pose=_draw_pose(chosen_sex, random),
        ventricle_growth_mm=_draw_ventricle_growth(age, diagnosis, random),
        sulcal_widening=_draw_sulcal_widening(age, random),
        hippocampus_left_over=_draw_hippocampi(age, diagnosis, random),
        csf_mm=float(np.clip(layers[0], 1.2, 2.8)),
        skull_mm=float(np.clip(layers[1], 5.0, 8.5)),
        fat_mm=float(np.clip(layers[2], 2.5, 6.5)),
        bias_strength=float(random.uniform(0.1, 0.3)),
        noise=float(random.uniform(0.015, 0.035)),
        gain=float(random.uniform(500.0, 1000.0)),
        anatomy_seed=int(random.integers(SEED_LIMIT)),
        image_seed=int(random.integers(SEED_LIMIT)),
    )


def _draw_pose(sex: Sex, random: np.random.Generator) -> Pose:
    size = MEAN_SIZE[sex] + random.normal(0.0, 0.022) + random.normal(0.0, 0.012, 3)
    rotation = np.clip(random.normal(0.0, [6.0, 3.5, 4.5]), -MAX_ROTATION_DEGREES, MAX_ROTATION_DEGREES)
    shift = np.clip(random.normal(0.0, [4.0, 6.0, 6.0]), -MAX_SHIFT_MM, MAX_SHIFT_MM)
    return Pose(size=_triple(size), rotation_degrees=_triple(rotation), shift_mm=_triple(shift))


def _draw_ventricle_growth(age: float, diagnosis: Diagnosis, random: np.random.Generator) -> float:
    """Faster with age, as ventricles grow: -1.5 mm at 20, 0 at 50, 3 mm at 85."""
    years = np.clip((age - 20.0) / 65.0, 0.0, 1.2)
    return float(-1.5 + 4.5 * years**1.6 + random.normal(*VENTRICLE_EXCESS_MM[diagnosis]))


def _draw_sulcal_widening(age: float, random: np.random.Generator) -> float:
    return float(np.clip(-0.35 + 1.0 * (age - 20.0) / 65.0 + random.normal(0.0, 0.1), -0.8, 1.0))


def _draw_hippocampi(age: float, diagnosis: Diagnosis, random: np.random.Generator) -> tuple[float, float]:
    mean, spread = HIPPOCAMPUS_LEFT_OVER[diagnosis]
    both = mean + random.normal(0.0, spread) - 0.003 * max(age - 60.0, 0.0)
    left, right = np.clip(both + random.normal(0.0, 0.02, 2), 0.3, 1.0)
    return float(left), float(right)


def _triple(values: np.ndarray[Any, Any]) -> tuple[float, float, float]:
    first, second, third = (float(value) for value in values)
    return first, second, third
