"""Whether to compile a network: only where a compiler is there and the run is long enough to win."""

import os
import shutil
import sys
from pathlib import Path
from typing import NamedTuple

from rich.console import Console

from medical_transformer.contracts import Backbone
from medical_transformer.training.config import TrainingConfig
from medical_transformer.training.devices import choose_device

# On a processor compiling took 71 seconds per plane and then saved a tenth of the forward and nothing of the backward
# pass (docs/decisions/0014), so there it must be asked for. On a card it is used for runs that encode more voxels than
# this.
BREAK_EVEN_VOXELS = 5.0e9


class Compiler(NamedTuple):
    """What `torch.compile` calls for a device: the variable that names it, and how it is called without it."""

    language: str
    variable: str
    names: tuple[str, ...]


COMPILERS = {
    "cpu": Compiler("C++", "CXX", ("clang++" if sys.platform == "darwin" else "g++",)),
    "cuda": Compiler("C", "CC", ("gcc", "clang")),  # of Triton, which builds with it what starts its kernels
}


def compile_where_it_pays(backbone: Backbone, config: TrainingConfig, voxels: float) -> bool:
    """Compile a backbone in place if asked to, or if the run is long enough; returns whether it was.

    Args:
        backbone: changed in place.
        config: says `always`, `never` or `auto`.
        voxels: that the whole run will encode, at least.
    """
    device = choose_device(config.device)
    pays = device == "cuda" and voxels >= BREAK_EVEN_VOXELS
    if config.compile == "never" or (config.compile == "auto" and not pays):
        return False
    if not has_compiler(device):
        Console(stderr=True).print(
            f"No {COMPILERS[device].language} compiler was found, which compiling for {device} needs, so the network "
            "runs uncompiled; its answers are the same. Install one, or set `compile: never`.",
            soft_wrap=True,
        )
        return False
    keep_compiled()
    backbone.compile_parts()
    return True


def keep_compiled() -> None:
    """Keep what is compiled in the user's cache folder, so that the next run need not compile it again."""
    caches = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", str(caches / "medical-transformer" / "compiled"))


def has_compiler(device: str) -> bool:
    """Tell whether the compiler is there that `torch.compile` needs for a device."""
    wanted = COMPILERS[device]
    named = os.environ.get(wanted.variable)
    return any(shutil.which(name) for name in ([named] if named else wanted.names))
