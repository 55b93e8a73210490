"""Voxels that lie on a card are those of the store."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from medical_transformer.training.residence import copy_voxels, keep_voxels

SHAPE = (1, 4, 6, 5)
BYTES = 2 * 4 * 6 * 5


class Stored:
    """Nineteen scans, as a store keeps them: float16 on disk, float32 when read."""

    def __init__(self) -> None:
        self.voxels = np.random.default_rng(0).random((19, *SHAPE)).astype(np.float16)

    def __len__(self) -> int:
        return len(self.voxels)

    def volumes(self, indices: Sequence[int], /) -> Any:
        """Read scans."""
        return self.voxels[list(indices)].astype(np.float32)


def test_every_scan_is_copied_without_loss() -> None:
    store = Stored()
    copied = copy_voxels(store, torch.device("cpu"), free=1e9)
    assert copied is not None
    assert copied.dtype == torch.float16
    np.testing.assert_array_equal(copied[[18, 3]].float().numpy(), store.volumes([18, 3]))
    np.testing.assert_array_equal(copied.float().numpy(), store.volumes(range(19)))


def test_a_cohort_that_would_leave_no_room_for_activations_stays_on_the_disk() -> None:
    assert copy_voxels(Stored(), torch.device("cpu"), free=2 * 19 * BYTES - 1) is None
    assert copy_voxels(Stored(), torch.device("cpu"), free=2 * 19 * BYTES) is not None


def test_without_a_card_voxels_are_read_batch_by_batch() -> None:
    assert keep_voxels(Stored(), torch.device("cpu")) is None
