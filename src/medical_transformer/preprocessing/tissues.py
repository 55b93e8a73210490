"""How much grey matter, white matter and CSF each voxel of a prepared T1 scan holds."""

from typing import Any

import numpy as np
from jaxtyping import Float
from sklearn.mixture import GaussianMixture

from medical_transformer.errors import PreparationError

Voxels = Float[np.ndarray[Any, Any], "right anterior superior"]
TissueShares = Float[np.ndarray[Any, Any], "feature"]
TissueMaps = Float[np.ndarray[Any, Any], "3 right anterior superior"]

TISSUES = ("csf", "grey", "white")  # in the order of their brightness on T1
SAMPLE = 20_000
FEWEST_VOXELS = 100


def tissue_maps(voxels: Voxels) -> TissueMaps:
    """Return the probability of CSF, grey and white matter in each voxel; all 0 outside the brain.

    A mixture of three normal distributions of intensity, which is what unified segmentation does without its prior
    maps (Ashburner and Friston 2005, section 2.1). Voxels of two tissues get a share of each.

    Args:
        voxels: a prepared T1 scan; 0 outside the brain.

    Raises:
        PreparationError: if there is no brain to speak of, or it is of one intensity.
    """
    brain = voxels > 0
    inside = voxels[brain].astype(np.float64)[:, None]
    if len(inside) < FEWEST_VOXELS or np.ptp(inside) == 0:
        raise PreparationError(f"Tissues need a brain of several intensities, but found {len(inside)} voxels above 0.")
    # Evenly spaced, so that the same scan always gives the same maps.
    sample = inside[:: max(1, len(inside) // SAMPLE)]
    start = np.quantile(sample, (0.1, 0.45, 0.8))[:, None]
    mixture = GaussianMixture(3, means_init=start, random_state=0, max_iter=200).fit(sample)
    maps = np.zeros((3, *voxels.shape), dtype=np.float32)
    maps[:, brain] = mixture.predict_proba(inside)[:, np.argsort(mixture.means_[:, 0])].T
    return maps


def tissue_shares(voxels: Voxels, cube: int) -> TissueShares:
    """Return the mean share of CSF, grey and white matter in each cube of some voxels' side, tissue by tissue.

    Cubes at the far end of an axis reach beyond the volume, where there is no tissue.

    Args:
        voxels: a prepared T1 scan; 0 outside the brain.
        cube: voxels along each side of a cube.
    """
    maps = tissue_maps(voxels)
    padded = np.pad(maps, [(0, 0), *((0, -length % cube) for length in voxels.shape)])
    blocks = padded.reshape(len(TISSUES), *(part for length in padded.shape[1:] for part in (length // cube, cube)))
    shares: TissueShares = blocks.mean(axis=(2, 4, 6)).ravel()
    return shares
