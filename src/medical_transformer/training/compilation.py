"""Whether to compile a network: only where a compiler is there and the run is long enough to win."""

import os
import shutil
from pathlib import Path

import torch
from rich.console import Console

from medical_transformer.contracts import Backbone
from medical_transformer.training.config import TrainingConfig
from medical_transformer.training.devices import choose_device

# On a processor compiling took 2 minutes per plane and then saved a tenth of the forward and nothing of the backward
# pass (docs/performance.md), so there it must be asked for. On a card it
# is used for runs that encode more voxels than this.
BREAK_EVEN_VOXELS = 5.0e9


def compile_where_it_pays(backbone: Backbone, config: TrainingConfig, voxels: float) -> bool:
    """Compile a backbone in place if asked to, or if the run is long enough; returns whether it was.

    Args:
        backbone: changed in place.
        config: says `always`, `never` or `auto`.
        voxels: that the whole run will encode, at least.
    """
    pays = choose_device(config.device) == "cuda" and voxels >= BREAK_EVEN_VOXELS
    if config.compile == "never" or (config.compile == "auto" and not pays):
        return False
    if not torch.cuda.is_available() and not has_compiler():
        Console(stderr=True).print("No C++ compiler was found, so the network runs uncompiled, several times slower.")
        return False
    keep_compiled()
    backbone.compile_parts()
    return True


def keep_compiled() -> None:
    """Keep what is compiled in the user's cache folder, so that the next run need not compile it again."""
    caches = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", str(caches / "medical-transformer" / "compiled"))


def has_compiler() -> bool:
    """Tell whether a C++ compiler is there that `torch.compile` can use."""
    return shutil.which(os.environ.get("CXX", "g++")) is not None or shutil.which("clang++") is not None
