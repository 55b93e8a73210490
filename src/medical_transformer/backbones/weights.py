"""Saving weights, and loading them with an account of every tensor; never by pickle."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from medical_transformer.errors import WeightsError
from medical_transformer.volumes.whole_files import whole_file

# How many missing tensors a refusal names.
NAMED = 6


@dataclass(frozen=True, slots=True)
class LoadedWeights:
    """What became of every tensor.

    Attributes:
        loaded: taken as they are.
        adapted: changed in shape, such as a stem repeated for several modalities.
        new: of the network but not of the file; they keep their initial values.
        unused: of the file but not of the network.
    """

    loaded: tuple[str, ...]
    adapted: tuple[str, ...]
    new: tuple[str, ...]
    unused: tuple[str, ...]

    def __str__(self) -> str:
        return (
            f"{len(self.loaded)} tensors loaded, {len(self.adapted)} adapted, {len(self.new)} new, "
            f"{len(self.unused)} unused"
        )


def save_weights(module: nn.Module, path: Path, *, half: bool = False) -> None:
    """Write a module's parameters and buffers as safetensors; the file appears only when it is complete."""
    write_tensors(stored_tensors(module, half=half), path)


def stored_tensors(module: nn.Module, *, half: bool) -> dict[str, Tensor]:
    """Return a module's tensors as they are stored; a network takes halved ones back in its own precision.

    Only matrices and kernels are halved. Vectors (biases, norms, the mean and spread of a label) are less than one
    weight in a hundred, and a mean age of 48.7 years would be off by 0.01 of them.
    """
    own = {name: tensor.detach().contiguous() for name, tensor in module.state_dict().items()}
    return {name: tensor.half() if half and _many(tensor) else tensor for name, tensor in own.items()}


def _many(tensor: Tensor) -> bool:
    return tensor.is_floating_point() and tensor.ndim > 1


def write_tensors(tensors: dict[str, Tensor], path: Path, metadata: dict[str, str] | None = None) -> None:
    """Write named tensors; the file appears under its name only when it is complete."""
    with whole_file(path) as aside:
        save_file(tensors, aside, metadata=metadata)


def read_tensors(path: Path) -> dict[str, Tensor]:
    """Read a safetensors file.

    Raises:
        WeightsError: if the file is missing or damaged.
    """
    try:
        return load_file(path)
    except (OSError, SafetensorError) as error:
        raise WeightsError(f"{path}: weights cannot be read ({error}).") from error


def load_weights(module: nn.Module, tensors: Mapping[str, Tensor], *, may_lack: Collection[str] = ()) -> LoadedWeights:
    """Put tensors into a module and say what became of each.

    A convolution that was trained on one channel is repeated for a network of several (paper section 4.1.2).

    Args:
        module: the network; changed in place.
        tensors: by name, as `state_dict` names them.
        may_lack: names, or ends of names, of tensors that keep their initial values where the file lacks them.

    Raises:
        WeightsError: if shapes do not fit, tensors are missing, or loading changed nothing.
    """
    own = module.state_dict()
    fitted = fit_weights(own, tensors, may_lack=may_lack)
    shared = list(fitted)
    # Counters and vectors of ones are alike in all networks; matrices and kernels are not.
    telling = [name for name in shared if own[name].ndim > 1] or shared
    if all(torch.equal(fitted[name].to(own[name]), own[name]) for name in telling):
        raise WeightsError("Loading changed nothing: the file holds the values that the network started with.")
    adapted = tuple(name for name in shared if tensors[name].shape != own[name].shape)
    module.load_state_dict({**own, **fitted})
    return LoadedWeights(
        loaded=tuple(name for name in shared if name not in adapted),
        adapted=adapted,
        new=tuple(name for name in own if name not in tensors),
        unused=tuple(name for name in tensors if name not in own),
    )


def fit_weights(
    own: Mapping[str, Tensor], tensors: Mapping[str, Tensor], *, may_lack: Collection[str] = ()
) -> dict[str, Tensor]:
    """Bring tensors to the shapes of a network's own; tensors without values will do.

    Returns:
        those that the network has too, in its order.

    Raises:
        WeightsError: if tensors are missing or shapes do not fit; the message names the first.
    """
    shared = [name for name in own if name in tensors]
    lacking = [name for name in own if name not in tensors]
    missing = [name for name in lacking if not name.endswith(tuple(may_lack))] if shared else lacking
    if missing:
        further = len(missing) - NAMED
        named = ", ".join(missing[:NAMED]) + (f" and {further} more" if further > 0 else "")
        count = f"{len(missing)} tensor{'' if len(missing) == 1 else 's'}"
        raise WeightsError(f"The weights lack {count} of the network: {named}.")
    return {name: _fit(name, tensors[name], own[name]) for name in shared}


def _fit(name: str, tensor: Tensor, target: Tensor) -> Tensor:
    if tensor.shape == target.shape:
        return tensor
    one_channel = tensor.ndim == target.ndim >= 4 and tensor.shape[1] == 1
    if one_channel and tensor.shape[0] == target.shape[0] and tensor.shape[2:] == target.shape[2:]:
        return tensor.repeat(1, target.shape[1], *[1] * (tensor.ndim - 2))
    raise WeightsError(
        f"Tensor {name!r} has shape {tuple(tensor.shape)} in the weights but {tuple(target.shape)} in the network."
    )
