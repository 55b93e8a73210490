"""Several processes encode one batch: each encodes its share of the scans, and all get all results.

What follows the encoders (transformer, head, loss) is small and is computed by every process on the whole batch with
the same draws. So a loss does not know how many processes there are, be it a triplet's, whose negatives may lie in
another process's share, or Dice over a batch.
"""

from typing import Any

import torch
from torch import Tensor, distributed


def take_share(stack: Tensor) -> Tensor:
    """Return the scans (first axis) that this process encodes; the very batch, not a copy, where it is alone.

    Every process gets equally many, because gathering wants equal shapes and every weight a gradient; it goes on from
    the first scan where there are too few.
    """
    if not _is_shared():
        return stack
    rank, each = distributed.get_rank(), -(-len(stack) // _processes())
    return stack[[place % len(stack) for place in range(rank * each, (rank + 1) * each)]]


def gather_scans(share: Tensor, scans: int) -> Tensor:
    """Join what the processes made of their shares, in the order of the batch."""
    if not _is_shared():
        return share
    whole: Tensor = _Gather.apply(share)  # type: ignore[no-untyped-call]
    return whole[:scans]


def _is_shared() -> bool:
    return distributed.is_available() and distributed.is_initialized() and distributed.get_world_size() > 1


class _Gather(torch.autograd.Function):
    """Gather along the first axis.

    The gradient of a process's share is what every process finds for it alike, times the number of processes: the
    gradients of the weights are averaged over processes afterwards.
    """

    @staticmethod
    def forward(ctx: Any, share: Tensor) -> Tensor:
        parts = [torch.empty_like(share, memory_format=torch.contiguous_format) for _ in range(_processes())]
        distributed.all_gather(parts, share.contiguous())
        return torch.cat(parts)

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Tensor:
        (gradient,) = gradients
        mine: Tensor = gradient.chunk(_processes())[distributed.get_rank()] * _processes()
        return mine


def _processes() -> int:
    return distributed.get_world_size()
