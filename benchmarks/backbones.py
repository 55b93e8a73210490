"""How large the backbones are in training: activations kept for the backward pass, per scan, at the paper's sizes.

    python benchmarks/backbones.py

Nothing is computed: networks run on a device without values, and what automatic differentiation keeps is added up
(32-bit floats, one scan in the batch, without compiling). Weights, gradients and the optimiser's two moments come on
top: 16 bytes per weight.
"""

import torch
from torch import Tensor, nn
from torch.autograd.graph import saved_tensors_hooks

from medical_transformer.backbones import BACKBONES, build_backbone
from medical_transformer.tasks import BRATS_REGIONS, AnyTask, Classification, Segmentation, TaskModel

ROWS: tuple[tuple[AnyTask, int, tuple[int, int, int]], ...] = (
    (Classification(label="diagnosis", classes=("CN", "MCI", "AD")), 1, (96, 114, 96)),
    (Segmentation(values=(1, 2, 4), regions=BRATS_REGIONS), 4, (160, 192, 128)),
)


def kept_bytes(model: nn.Module, volumes: Tensor) -> int:
    """Return the size of all storages that a forward pass keeps, but for the weights."""
    own = {parameter.untyped_storage()._cdata for parameter in model.parameters()}
    kept: dict[int, Tensor] = {}

    def keep(tensor: Tensor) -> Tensor:
        kept[tensor.untyped_storage()._cdata] = tensor
        return tensor

    with saved_tensors_hooks(keep, lambda tensor: tensor):
        model(volumes)
    return sum(tensor.untyped_storage().nbytes() for place, tensor in kept.items() if place not in own)


def main() -> None:
    for name in BACKBONES:
        for task, channels, shape in ROWS:
            with torch.device("meta"):
                model = TaskModel(build_backbone(name, {"in_channels": channels}), task).to("meta").train()
                size = kept_bytes(model, torch.empty(1, channels, *shape))
            print(f"{name:22} {task.kind:14} {'x'.join(map(str, shape)):12} {size / 2**30:6.2f} GiB", flush=True)


if __name__ == "__main__":
    main()
