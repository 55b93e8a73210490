"""Networks without values: built in no time, and asked for names, shapes and counts only."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

from medical_transformer.contracts import Backbone


class _Undrawn(TorchFunctionMode):
    """Leave initial weights undrawn: for normal ones, torch would load its compiler on a device without values."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return args[0] if func is torch.Tensor.normal_ else func(*args, **(kwargs or {}))


@contextmanager
def undrawn() -> Iterator[None]:
    """Build networks without values."""
    with torch.device("meta"), _Undrawn():
        yield


def last_layers(backbone: Backbone, outputs: int = 1) -> set[str]:
    """Name the tensors of a backbone's decoder whose size follows the number of outputs."""
    with undrawn():
        own, wider = (backbone.build_decoder(count) for count in (outputs, outputs + 1))
    assert own is not None
    assert wider is not None
    shapes = {name: tensor.shape for name, tensor in wider.state_dict().items()}
    return {name for name, tensor in own.state_dict().items() if tensor.shape != shapes[name]}
