"""Tensors in exactly the published formats and key names, for the tests of published weights."""

import torch
from torch import Tensor

from medical_transformer.backbones import (
    build_backbone,
)
from medical_transformer.contracts import Backbone

Tensors = dict[str, Tensor]


def network(name: str, *, seed: int = 0, **settings: int) -> Backbone:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return build_backbone(name, settings)


def draws(shape: tuple[int, ...], number: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(number))


def norm(prefix: str, width: int) -> dict[str, tuple[int, ...]]:
    kinds = dict.fromkeys(("weight", "bias", "running_mean", "running_var"), (width,))
    return {f"{prefix}.{kind}": shape for kind, shape in kinds.items()} | {f"{prefix}.num_batches_tracked": ()}


def medicalnet(depth: int = 10, seed: int = 1) -> dict[str, Tensors]:
    own = network("medicalnet", seed=seed, depth=depth).state_dict()
    return {"state_dict": {f"module.{name.removeprefix('trunk.')}": tensor for name, tensor in own.items()}}


def genesis_tensors() -> Tensors:
    """Return the published file's tensors: 106, with running statistics that the network never used."""
    shapes: dict[str, tuple[int, ...]] = {}
    units = {
        "down_tr64": ((1, 32), (32, 64)), "down_tr128": ((64, 64), (64, 128)), "down_tr256": ((128, 128), (128, 256)),
        "down_tr512": ((256, 256), (256, 512)), "up_tr256": ((768, 256), (256, 256)),
        "up_tr128": ((384, 128), (128, 128)), "up_tr64": ((192, 64), (64, 64)),
    }  # fmt: skip
    for level, pair in units.items():
        if level.startswith("up"):
            width = pair[0][0] * 2 // 3
            shapes |= {f"{level}.up_conv.weight": (width, width, 2, 2, 2), f"{level}.up_conv.bias": (width,)}
        for place, (source, target) in enumerate(pair):
            unit = f"{level}.ops.{place}"
            shapes |= {f"{unit}.conv1.weight": (target, source, 3, 3, 3), f"{unit}.conv1.bias": (target,)}
            shapes |= norm(f"{unit}.bn1", target)
    shapes |= {"out_tr.final_conv.weight": (1, 64, 1, 1, 1), "out_tr.final_conv.bias": (1,)}
    return {
        f"module.{name}": draws(shape, number) if shape else torch.tensor(9)
        for number, (name, shape) in enumerate(shapes.items())
    }
