"""Empty slices, all zeros, which a stack's norms cannot tell apart: one is encoded for all (`docs/decisions/0019`).

A fifth of the slices of a prepared head lie beside the brain.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Int64
from torch import Tensor

from medical_transformer.backbones.medical_transformer.normalisation import SliceImages


@dataclass(frozen=True, slots=True, eq=False)
class EmptySlices:
    """Where the empty slices of a stack are.

    Attributes:
        kept: the slices to encode: those that are not empty, and after them one that is.
        places: for every slice of the stack, which of the kept ones is equal to it.
        copies: how many slices of the stack are empty, two or more.
    """

    kept: Int64[Tensor, "kept"]
    places: Int64[Tensor, "slice"]
    copies: int

    def take_out(self, images: SliceImages) -> SliceImages:
        """Return the slices to encode, channels last in memory."""
        return _select(images, self.kept)

    def put_back(self, features: Tensor) -> Tensor:
        """Give every slice of the stack the features (kept, ...) of the one that was encoded for it."""
        return _select(features, self.places)


def find_empty(images: SliceImages, scans: int) -> EmptySlices | None:
    """Return where a stack's empty slices are, or None where encoding one for all is not done or saves nothing.

    It is done for one scan on a processor. Compiled code would be compiled anew for every number of slices, and
    gradients of the voxels must not gather in one slice.
    """
    if torch.compiler.is_compiling() or scans > 1 or not images.is_cpu or images.requires_grad:
        return None
    # Least and greatest, which a processor finds ten times as fast as whether `any` voxel is not zero.
    filled = (images.amin(dim=(1, 2, 3)) != 0) | (images.amax(dim=(1, 2, 3)) != 0)
    copies = int((~filled).sum())
    if copies < 2:
        return None
    kept = torch.cat([filled.nonzero()[:, 0], (~filled).nonzero()[0]])
    places = torch.where(filled, filled.cumsum(0) - 1, len(kept) - 1)
    return EmptySlices(kept, places, copies)


def _select(images: Tensor, places: Tensor) -> Tensor:
    """Select images, or vectors, and keep their layout in memory. The gradient is summed in a fixed order."""
    return images.movedim(1, -1).index_select(0, places).movedim(-1, 1)
