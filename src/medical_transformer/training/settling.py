"""What batch normalisation predicts with: the statistics of training scans, taken as predictions are made.

Running statistics are an average over the steps of a training, so they belong to weights that have moved on since. And
dropout spreads the features that a norm sees in training and not in prediction; where it stands before norms, as in
the 3-D U-Net of the self-supervised tasks, level by level the features drift from what the norms expect (Li et al.
2019, arXiv 1801.05134), and a network that has learnt predicts as if it knew nothing (`docs/decisions/0024`).
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

import torch
from torch.nn.modules.batchnorm import _BatchNorm

from medical_transformer.contracts import BatchT, Objective


def measure_norms(objective: Objective[BatchT], batches: Iterable[BatchT], draws: torch.Generator) -> None:
    """Let the norms that predict with kept statistics keep the mean of those of some batches, and no others.

    Each norm works with the batch's own statistics meanwhile, as in training, and everything else predicts, so that
    there is no dropout (Wu and Johnson 2021, arXiv 2105.07576, section 3).

    Args:
        objective: about to predict; called without gradients.
        batches: of training scans; not asked for where there are no such norms.
        draws: for what the objective draws.
    """
    norms = [one for one in objective.modules() if isinstance(one, _BatchNorm) and one.track_running_stats]
    if norms:
        with _measuring(norms):
            for batch in batches:
                objective(batch, draws)


@contextmanager
def _measuring(norms: Sequence[_BatchNorm]) -> Iterator[None]:
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # the mean over batches
        norm.train()
    try:
        yield
    finally:
        for norm, momentum in zip(norms, momenta, strict=True):
            norm.momentum = momentum
            norm.eval()
