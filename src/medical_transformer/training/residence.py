"""The voxels of a whole cohort on a card: the paper's 1,783 scans at 96x114x96 take 3.7 GB there."""

import math
from collections.abc import Sequence
from typing import Any, Protocol

import torch
from torch import Tensor

# Of the card's free memory; activations need the rest.
SHARE = 0.5
SCANS_AT_ONCE = 16


class Voxels(Protocol):
    """A store: volumes by place."""

    def __len__(self) -> int: ...

    def volumes(self, indices: Sequence[int], /) -> Any:
        """Read scans as float32 (batch, channel, right, anterior, superior)."""
        ...


def keep_voxels(store: Voxels, device: torch.device) -> Tensor | None:
    """Copy a store's volumes to a card as they are stored, float16; None where there is no card, or too small a one."""
    return copy_voxels(store, device, free_bytes(device)) if device.type == "cuda" else None


def copy_voxels(store: Voxels, device: torch.device, free: float) -> Tensor | None:
    """Copy a store's volumes to a device with so many bytes free; None if they would take too large a share."""
    first = torch.from_numpy(store.volumes([0])).half()
    shape = (len(store), *first.shape[1:])
    if 2 * math.prod(shape) > SHARE * free:
        return None
    whole = torch.empty(shape, dtype=torch.float16, device=device)
    for start in range(0, len(store), SCANS_AT_ONCE):
        places = range(start, min(start + SCANS_AT_ONCE, len(store)))
        whole[start : places.stop] = torch.from_numpy(store.volumes(places)).half()
    return whole


def free_bytes(device: torch.device) -> float:
    """Return how many bytes of a card are free."""
    free, _ = torch.cuda.mem_get_info(device)
    return float(free)
