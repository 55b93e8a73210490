"""Tissues of drawn brains whose tissue is known."""

import numpy as np
import pytest

from medical_transformer.errors import PreparationError
from medical_transformer.preprocessing.tissues import tissue_maps, tissue_shares

SHAPE = (13, 16, 10)
LEVELS = (0.2, 0.5, 0.8)


def drawn() -> tuple[np.ndarray, np.ndarray]:
    """Draw a brain of CSF, grey and white matter in layers along the second axis, and a margin of nothing."""
    tissue = np.zeros(SHAPE, dtype=int)
    tissue[1:, :5], tissue[1:, 5:11], tissue[1:, 11:] = 1, 2, 3
    noise = np.random.default_rng(0).normal(0, 0.02, SHAPE)
    voxels = np.where(tissue > 0, np.array((0, *LEVELS))[tissue] + noise, 0)
    return voxels.astype(np.float32), tissue


def test_each_voxel_belongs_to_the_tissue_it_was_drawn_of() -> None:
    voxels, tissue = drawn()
    maps = tissue_maps(voxels)
    assert ((maps.argmax(axis=0) + 1)[tissue > 0] == tissue[tissue > 0]).all()
    np.testing.assert_allclose(maps.sum(axis=0), tissue > 0, atol=1e-5)


def test_shares_are_means_over_cubes_tissue_by_tissue() -> None:
    voxels, tissue = drawn()
    shares = tissue_shares(voxels, 5).reshape(3, 3, 4, 2)
    # The first cube holds CSF only, but for the margin of one voxel on the first axis.
    assert shares[0, 0, 0, 0] == pytest.approx(4 / 5, abs=0.01)
    # The last cube reaches beyond the volume: 3 of 5 voxels on the first axis and 1 of 5 on the second are there.
    assert shares[2, 2, 3, 1] == pytest.approx(3 / 5 * 1 / 5, abs=0.01)
    np.testing.assert_allclose(
        shares.sum(axis=(1, 2, 3)) * 125, [(tissue == one).sum() for one in (1, 2, 3)], rtol=0.01
    )


def test_a_blank_scan_has_no_tissues() -> None:
    with pytest.raises(PreparationError, match="several intensities"):
        tissue_shares(np.zeros(SHAPE, dtype=np.float32), 4)
