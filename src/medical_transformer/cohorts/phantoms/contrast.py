"""How bright each tissue is in each modality, relative to white matter in that modality."""

from collections.abc import Mapping
from typing import Literal

Modality = Literal["T1w", "T1ce", "T2w", "FLAIR"]
MODALITIES: tuple[Modality, ...] = ("T1w", "T1ce", "T2w", "FLAIR")

BRAIN: Mapping[Modality, Mapping[str, float]] = {
    "T1w": {"csf": 0.24, "grey": 0.68, "white": 1.0, "shade": 0.9},
    "T1ce": {"csf": 0.26, "grey": 0.72, "white": 1.0, "shade": 0.8},
    "T2w": {"csf": 2.6, "grey": 1.4, "white": 1.0, "shade": -1.0},
    "FLAIR": {"csf": 0.3, "grey": 1.16, "white": 1.0, "shade": -0.4},
}
TUMOUR: Mapping[Modality, Mapping[str, float]] = {
    "T1w": {"core": 0.45, "edema": 0.74, "rim": 0.68},
    "T1ce": {"core": 0.5, "edema": 0.78, "rim": 1.65},
    "T2w": {"core": 2.2, "edema": 1.95, "rim": 1.7},
    "FLAIR": {"core": 1.15, "edema": 1.95, "rim": 1.6},
}
# The head around the brain, T1 only.
HEAD_T1: Mapping[str, float] = {
    "csf": 0.22,
    "bone": 0.06,
    "marrow": 0.55,
    "fat": 0.98,
    "skin": 0.45,
    "muscle": 0.45,
    "air": 0.015,
    "eye": 0.16,
    "cord": 0.85,
}
