"""Whether to compile a network: only where a compiler is there and the run is long enough to win."""

import os
import shutil

import torch
from rich.console import Console

from medical_transformer.contracts import Backbone
from medical_transformer.training.config import TrainingConfig

# On two busy cores compiling took 390 s and then saved about a tenth of 0.2 s per scan at 48x57x48; so it pays only
# for runs that encode more voxels than this for training.
BREAK_EVEN_VOXELS = 5.0e9


def compile_where_it_pays(backbone: Backbone, config: TrainingConfig, voxels: float) -> bool:
    """Compile a backbone in place if asked to, or if the run is long enough; returns whether it was.

    Args:
        backbone: changed in place.
        config: says `always`, `never` or `auto`.
        voxels: that the whole run will encode, at least.
    """
    if config.compile == "never" or (config.compile == "auto" and voxels < BREAK_EVEN_VOXELS):
        return False
    if not torch.cuda.is_available() and not has_compiler():
        Console(stderr=True).print("No C++ compiler was found, so the network runs uncompiled, several times slower.")
        return False
    backbone.compile_parts()
    return True


def has_compiler() -> bool:
    """Tell whether a C++ compiler is there that `torch.compile` can use."""
    return shutil.which(os.environ.get("CXX", "g++")) is not None or shutil.which("clang++") is not None
