"""Medical Transformer: a universal brain encoder for 3-D MRI.

A scan travels through the folders from left to right; each folder imports only from its left:

    volumes        ONE MRI: its voxels, and where they are in the head
    cohorts        MANY MRIs: who, which scan, which label, which fold
    preprocessing  making scans comparable: steps, pipeline, quality control, the store
    slices         cutting a volume along three planes; intensity curves; masking
    backbones      a volume in, an encoding out
    pretraining    teaching a backbone without labels
    tasks          a head, a loss and its scores
    training       the loop, optimisation, checkpoints, journal
    evaluation     metrics, intervals, results
    reporting      tables, figures, pages, model cards
    experiments    whole jobs, one typed value each
    serving        a trained model answering on raw scans
    cli            one small file per verb

Reference: Jun, Jeong, Heo and Suk, "Medical Transformer: Universal Brain Encoder for 3D MRI Analysis",
arXiv 2104.13633.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from medical_transformer.cohorts import Cohort, index
    from medical_transformer.experiments import evaluate, export, finetune, methods, models, pretrain
    from medical_transformer.experiments.comparison import compare
    from medical_transformer.preprocessing import prepare
    from medical_transformer.serving import predict
    from medical_transformer.volumes import Volume, read_volume

# The public names, and the room of each; imported when first used, so that importing the package is cheap.
_ROOMS = {
    "Cohort": "cohorts",
    "Volume": "volumes",
    "compare": "experiments",
    "evaluate": "experiments",
    "export": "experiments",
    "finetune": "experiments",
    "index": "cohorts",
    "methods": "experiments",
    "models": "experiments",
    "predict": "serving",
    "prepare": "preprocessing",
    "pretrain": "experiments",
    "read_volume": "volumes",
}

__all__ = [
    "Cohort",
    "Volume",
    "compare",
    "evaluate",
    "export",
    "finetune",
    "index",
    "methods",
    "models",
    "predict",
    "prepare",
    "pretrain",
    "read_volume",
]


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used."""
    if name not in _ROOMS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_ROOMS[name]}"), name)
