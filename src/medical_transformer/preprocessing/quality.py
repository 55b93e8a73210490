"""Numbers that tell whether a prepared scan can be trusted, and the limits they must keep.

The limits come from real T1w heads (IXI Hammersmith, 3 T, healthy adults, at 2 mm): the range that was seen in
145 stands beside each. The limits are wider, since patients and children differ.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from medical_transformer.cohorts import Verdict
from medical_transformer.preprocessing.masks import border_share, centre, largest_piece_share
from medical_transformer.preprocessing.placement import Placement
from medical_transformer.preprocessing.template import Template
from medical_transformer.volumes import Volume
from medical_transformer.volumes.grid import Affine


@dataclass(frozen=True, slots=True)
class Limit:
    """The range of one number; outside `good` a scan is warned about, outside `possible` it is refused.

    Attributes:
        quantity: the number's name, with its unit.
        words: what the number is, for a sentence.
        good: lowest and highest value that needs no word.
        possible: lowest and highest value that is accepted at all.
    """

    quantity: str
    words: str
    good: tuple[float, float]
    possible: tuple[float, float]

    def judge(self, value: float) -> Verdict:
        """Return prepared, warned or refused."""
        if not self.possible[0] <= value <= self.possible[1]:
            return Verdict.REFUSED
        return Verdict.PREPARED if self.good[0] <= value <= self.good[1] else Verdict.WARNED

    def sentence(self, value: float) -> str:
        """Say what is wrong with a value."""
        low, high = self.possible if self.judge(value) is Verdict.REFUSED else self.good
        if value < low:
            return f"{self.words} is {_digits(value)}, below {low:g}"
        return f"{self.words} is {_digits(value)}, above {high:g}"


def _digits(value: float) -> str:
    """Write a number with three digits, or all of a large one."""
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"


INFINITE = float("inf")
LIMITS: tuple[Limit, ...] = (
    # seen: 1081 to 1748
    Limit("brain_ml", "the brain's volume in ml", (900, 2100), (400, 2600)),
    # seen: 1 (deepbet keeps one piece; other ways of finding the brain need not)
    Limit("largest_piece_share", "the largest piece's share of the brain mask", (0.98, 1), (0.8, 1)),
    # seen: nothing on the border
    Limit("border_share", "the mask's share on the border of the field of view", (0, 0.005), (0, 0.05)),
    # seen: 0 to 0.00004 (76 heads); above 0.3 where half of the template's brain was blanked
    Limit("empty_share", "the share of the brain mask in which the scan is empty", (0, 0.01), (0, 0.1)),
    # seen: 2 (the copies are resampled)
    Limit("longest_voxel_side_mm", "the longest voxel side in mm", (0, 3.5), (0, 8)),
    # seen: 0.51 (wide ventricles, registered well) to 0.76; -0.73 to -0.82 where the search was lost
    Limit("template_correlation", "the correlation with the template", (0.45, 1), (0.3, 1)),
    # seen: 0.94 to 1.16
    Limit("scale_least", "the least scale to the template", (0.75, 1.5), (0.6, 1.8)),
    # seen: 1.09 to 1.32
    Limit("scale_most", "the greatest scale to the template", (0.75, 1.5), (0.6, 1.8)),
    # seen: 1.12 to 1.83
    Limit("determinant", "the affine's determinant", (0.6, 2.0), (0.4, 3.0)),
    # seen: 0.2 to 3.4; 92 to 120 where the search was lost
    Limit("centre_distance_mm", "the distance of the brain's centre from the template's in mm", (0, 8), (0, 20)),
    # seen: 0.1 to 0.5; 6.9 to 9.5 where the affine was turned by 10 degrees or moved by 10 mm
    Limit("affine_slack_mm", "the way that a second search moves the brain in mm", (0, 3), (0, 6)),
    # seen: 1.21 to 1.35
    Limit("white_over_grey", "the ratio of white to grey intensity", (1.05, INFINITE), (0.0, INFINITE)),
    # seen: 1.51 to 2.86
    Limit("grey_over_csf", "the ratio of grey to CSF intensity", (1.05, INFINITE), (0.0, INFINITE)),
    # seen: 0.0002 in one glioma in BraTS space
    Limit("outside_box_share", "the brain's share outside the box", (0, 0.001), (0, 0.2)),
)


def judge(numbers: Mapping[str, float]) -> tuple[Verdict, str]:
    """Return the worst verdict over all numbers and the sentences of those that stand out."""
    failing = [
        (limit.judge(numbers[limit.quantity]), limit.sentence(numbers[limit.quantity]))
        for limit in LIMITS
        if limit.quantity in numbers and limit.judge(numbers[limit.quantity]) is not Verdict.PREPARED
    ]
    if not failing:
        return Verdict.PREPARED, ""
    refused = [sentence for verdict, sentence in failing if verdict is Verdict.REFUSED]
    reason = "; ".join(refused or [sentence for _, sentence in failing])
    return (Verdict.REFUSED if refused else Verdict.WARNED), reason[0].upper() + reason[1:] + "."


def measure_native(mask: Volume, scan: Volume) -> dict[str, float]:
    """Measure the brain mask, and the scan inside it, on the native grid."""
    inside = scan.voxels[mask.voxels]
    return {
        "brain_ml": float(mask.voxels.sum()) * mask.grid.voxel_volume_ml,
        "largest_piece_share": largest_piece_share(mask.voxels),
        "border_share": border_share(mask.voxels),
        "empty_share": float(((inside == 0) | (inside == scan.voxels.flat[0])).mean()),
        "shortest_voxel_side_mm": min(mask.spacing_mm),
        "longest_voxel_side_mm": max(mask.spacing_mm),
    }


def measure_box(mask: Volume, placement: Placement) -> dict[str, float]:
    """Measure what the box cuts off."""
    kept = float(placement.to_fine(mask, order=0).voxels.sum())
    return {"outside_box_share": 1.0 - kept / float(mask.voxels.sum())}


def measure_affine(template_from_native: Affine) -> dict[str, float]:
    """Measure how an affine stretches a brain; a brain neither doubles nor mirrors."""
    scales = np.linalg.svd(template_from_native[:3, :3], compute_uv=False)
    return {
        "scale_least": float(scales.min()),
        "scale_most": float(scales.max()),
        "determinant": float(np.linalg.det(template_from_native[:3, :3])),
    }


def measure_match(brain: Volume, mask: Volume, template: Template) -> dict[str, float]:
    """Compare a brain on the template's grid (96x114x96 at 2 mm) with the template."""
    either = mask.voxels | template.mask.voxels
    distance = (centre(mask.voxels) - centre(template.mask.voxels)) * np.array(brain.spacing_mm)
    correlation = np.corrcoef(brain.voxels[either], template.brain.voxels[either])[0, 1]
    return {
        "template_correlation": float(correlation),
        "centre_distance_mm": float(np.linalg.norm(distance)),
    }


def measure_contrast(brain: Volume, mask: Volume, template: Template) -> dict[str, float]:
    """Compare the tissues' intensities, found where the template has them: a T1w shows white > grey > CSF."""
    white = template.white.voxels > 0.9
    grey = template.grey.voxels > 0.8
    csf = (template.white.voxels + template.grey.voxels < 0.2) & template.mask.voxels
    medians = [
        float(np.median(brain.voxels[tissue & mask.voxels])) if (tissue & mask.voxels).any() else 0.0
        for tissue in (white, grey, csf)
    ]
    least = 1e-3 * max(*medians, 1e-6)
    return {
        "white_over_grey": medians[0] / max(medians[1], least),
        "grey_over_csf": medians[1] / max(medians[2], least),
    }
