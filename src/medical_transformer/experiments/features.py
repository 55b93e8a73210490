"""A vector per scan, for linear models: regional tissue volumes, or what a frozen encoder says."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float

from medical_transformer.contracts import Backbone
from medical_transformer.experiments.data import Data
from medical_transformer.preprocessing.tissues import tissue_shares
from medical_transformer.shapes import ScanNumbers
from medical_transformer.tasks import TaskModel, load_model
from medical_transformer.volumes.whole_files import whole_file

Features = Float[np.ndarray[Any, Any], "scan feature"]
REGION_MM = 12.0


def tissue_features(data: Data, folder: Path) -> Features:
    """Return each scan's CSF, grey and white matter per cube of 12 mm: the volumes of some 1,500 regions.

    The scans lie in the template's space, so that a cube is the same region in everybody. Cubes that hold no tissue
    in anyone are left out.

    Args:
        data: prepared T1 scans.
        folder: where the features are kept, so that they are computed once.
    """

    def compute() -> Features:
        features = np.stack([_measured(data, place) for place in range(len(data.cohort))])
        return features[:, features.std(axis=0) > 0]

    return _kept(folder / f"tissues-{_name(data)}.npy", compute)


def encoder_features(encoder: Path, data: Data, folder: Path) -> Features:
    """Return what a frozen encoder says of each scan, one vector per row.

    Args:
        encoder: folder of an encoder, or of a model that holds one.
        data: scans as the encoder wants them.
        folder: where the features are kept, so that they are computed once.
    """

    def compute() -> Features:
        network = load_model(encoder).network
        return _vectors(network.backbone if isinstance(network, TaskModel) else network, data)

    weights = hashlib.sha256((encoder / "model.safetensors").read_bytes()).hexdigest()
    return _kept(folder / f"vectors-{_name(data, weights)}.npy", compute)


def with_icv(features: Features, log_icv: ScanNumbers | None) -> Features:
    """Return features with the intracranial volume as the last, where it is read."""
    return features if log_icv is None else np.column_stack([features, log_icv.numpy()])


def _measured(data: Data, place: int) -> Any:
    cube = max(1, round(REGION_MM / min(data.store.grids[place].spacing_mm)))
    return tissue_shares(data.store.volumes([place])[0, 0], cube)


@torch.inference_mode()
def _vectors(backbone: Backbone, data: Data) -> Features:
    backbone = backbone.eval()
    scans = (torch.from_numpy(data.store.volumes([place])) for place in range(len(data.cohort)))
    return torch.cat([backbone(scan).vector for scan in scans]).numpy()


def _kept(path: Path, compute: Callable[[], Features]) -> Features:
    """Return an array that was computed before, or compute and keep it."""
    if path.is_file():
        return np.asarray(np.load(path, allow_pickle=False))
    features = compute()
    with whole_file(path) as aside:
        np.save(aside, features)
    return features


def _name(data: Data, *words: str) -> str:
    """Name the scans and how they were seen."""
    scans = (scan.content_hash for scan in data.cohort.scans)
    told = json.dumps([*words, *scans, data.store.spatial_shape, data.store.modalities])
    return hashlib.sha256(told.encode()).hexdigest()[:12]
