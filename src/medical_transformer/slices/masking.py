"""Which slices are hidden from the transformer (paper section 4.1.1: 10 % of each plane)."""

import torch

from medical_transformer.shapes import SliceMask


def masked_count(slices: int, ratio: float) -> int:
    """Return how many slices of a plane are masked: 9, 11 and 9 of 96, 114 and 96 at a ratio of 0.1.

    At least one slice is masked, and at least one is left.
    """
    return min(max(int(ratio * slices), 1), slices - 1)


def draw_masks(scans: int, slices: int, ratio: float, generator: torch.Generator) -> SliceMask:
    """Draw the masked slices of one plane, without replacement and apart for every scan."""
    order = torch.rand((scans, slices), generator=generator, device=generator.device).argsort(dim=1)
    return order < masked_count(slices, ratio)
