"""Where a run computes: processor or card, one process or several."""

import os
from typing import Any

import torch
from lightning_fabric import Fabric

from medical_transformer.errors import ConfigError
from medical_transformer.training.config import TrainingConfig


def build_fabric(config: TrainingConfig) -> Any:
    """Return Fabric for the device, the precision and the processes that were asked for.

    Processes are started from outside, by `torchrun` or by SLURM's `srun`; this joins them.
    """
    precision: Any = {"32": "32-true", "bf16": "bf16-mixed"}[config.precision]
    here, nodes = count_processes()
    fabric = Fabric(
        accelerator=choose_device(config.device),
        devices=here,
        num_nodes=nodes,
        strategy="ddp" if here * nodes > 1 else "auto",
        precision=precision,
    )
    if here * nodes > 1:
        fabric.launch()
    return fabric


def count_processes() -> tuple[int, int]:
    """Return how many processes share this run on each node, and on how many nodes.

    Raises:
        ConfigError: if the nodes have different numbers of processes.
    """
    steps = {  # whole, per node
        "torchrun": (os.environ.get("WORLD_SIZE"), os.environ.get("LOCAL_WORLD_SIZE")),
        "srun": (os.environ.get("SLURM_STEP_NUM_TASKS"), os.environ.get("SLURM_STEP_TASKS_PER_NODE")),
    }
    for starter, (whole, here) in steps.items():
        if whole is None or here is None:
            continue
        # SLURM writes 4(x2) for two nodes with four tasks each.
        each = here.partition("(")[0]
        if not each.isdigit() or int(whole) % int(each):
            raise ConfigError(f"{starter} starts {whole} processes as {here} per node; start equally many on each.")
        return int(each), int(whole) // int(each)
    return 1, 1


def choose_device(asked: str) -> str:
    """Return `cuda` or `cpu`; `auto` takes a GPU where there is one.

    Raises:
        ConfigError: for a device that is unknown or not there.
    """
    if asked not in ("auto", "cpu", "cuda"):
        raise ConfigError(f"There is no device {asked!r}; choose auto, cpu or cuda.")
    if asked == "cuda" and not torch.cuda.is_available():
        raise ConfigError("The device cuda was asked for, but torch finds no GPU here; choose auto or cpu.")
    return "cuda" if asked != "cpu" and torch.cuda.is_available() else "cpu"
