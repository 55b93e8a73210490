"""The state of a run after any of its steps: written aside, synced, renamed; readable without pickle."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from medical_transformer import __version__
from medical_transformer.backbones.weights import write_tensors
from medical_transformer.errors import TrainingError
from medical_transformer.training.journal import Journal

CHECKPOINT = "checkpoint.safetensors"


@dataclass(frozen=True, slots=True)
class Position:
    """How far the epoch after the journal's last one has come.

    Attributes:
        step: steps that are done.
        loss: sum over the scans of these steps.
        scans: how many.
        seconds: that they took.
    """

    step: int = 0
    loss: float = 0.0
    scans: int = 0
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Progress:
    """What is needed, beside the tensors, to go on exactly where a run stopped.

    All draws are functions of seed, epoch and step, so no state of a random generator is needed.
    """

    journal: Journal
    identity: str
    position: Position = field(default_factory=Position)


def save_checkpoint(
    path: Path,
    network: nn.Module,
    optimizer: torch.optim.Optimizer,
    best: Mapping[str, Tensor],
    progress: Progress,
) -> None:
    """Write network, optimiser, best weights so far and journal into one file."""
    tensors = {f"network/{name}": tensor.detach().cpu() for name, tensor in network.state_dict().items()}
    tensors |= {f"best/{name}": tensor.cpu() for name, tensor in best.items()}
    state = optimizer.state_dict()
    for index, slots in state["state"].items():
        for slot, value in slots.items():
            tensors[f"optimizer/{index}/{slot}"] = torch.as_tensor(value).cpu()
    header = _header(progress) | {"optimizer": json.dumps(state["param_groups"])}
    # Shared storage is not allowed in the file, and the best weights may be the current ones.
    write_tensors({name: tensor.clone().contiguous() for name, tensor in tensors.items()}, path, header)


def save_last_checkpoint(path: Path, best: Mapping[str, Tensor], progress: Progress) -> None:
    """Write of a run that has ended what can still be asked for: the best weights and the journal.

    Latest weights and Adam's two moments would be three quarters of the file, and nobody goes on from them.
    """
    write_tensors({f"best/{name}": tensor.cpu().contiguous() for name, tensor in best.items()}, path, _header(progress))


def load_checkpoint(
    path: Path, network: nn.Module, optimizer: torch.optim.Optimizer, identity: str
) -> tuple[dict[str, Tensor], Progress]:
    """Put a run's state back; returns the best weights so far, and how far the run has come.

    Of a run that has ended, network and optimiser are left as they are: only its best weights can still be asked for.

    Raises:
        TrainingError: if the file is damaged or belongs to a run with other settings or data.
    """
    header, tensors = _read(path, identity)
    if "optimizer" in header:  # a run that has ended has none
        _warn_of_other_software(path, header)
        network.load_state_dict(_part(tensors, "network/"))
        optimizer.load_state_dict(
            {"state": _slots(_part(tensors, "optimizer/")), "param_groups": json.loads(header["optimizer"])}
        )
    journal = Journal.from_json(json.loads(header["journal"]))
    return _part(tensors, "best/"), Progress(journal, identity, Position(**json.loads(header["position"])))


def load_last_checkpoint(path: Path, identity: str) -> tuple[dict[str, Tensor], Journal] | None:
    """Return the best weights and the journal of a run that has ended; None of one that goes on or has not begun.

    Raises:
        TrainingError: if the file is damaged or belongs to a run with other settings or data.
    """
    if not path.is_file():
        return None
    header, tensors = _read(path, identity)
    if "optimizer" in header:
        return None
    return _part(tensors, "best/"), Journal.from_json(json.loads(header["journal"]))


def _read(path: Path, identity: str) -> tuple[dict[str, str], dict[str, Tensor]]:
    """Read what stands before a run's tensors, and these."""
    try:
        with safe_open(path, framework="pt") as file:
            header = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no mapping
    except (OSError, SafetensorError) as error:
        raise TrainingError(f"{path}: the checkpoint cannot be read ({error}); delete it to begin again.") from error
    if not {"identity", "journal", "position"} <= header.keys():
        raise TrainingError(f"{path} is no checkpoint of a training run; choose another folder, or delete it.")
    if header["identity"] != identity:
        raise TrainingError(
            f"{path} belongs to a run with other settings or other scans; choose another folder, or delete this one."
        )
    return header, tensors


def _header(progress: Progress) -> dict[str, str]:
    return {
        "identity": progress.identity,
        "journal": json.dumps(progress.journal.as_json()),
        "position": json.dumps(asdict(progress.position)),
        "software": software(),
    }


def software() -> str:
    """Name the versions that a run goes on with."""
    return f"medical-transformer {__version__}, torch {torch.__version__}"


def _warn_of_other_software(path: Path, header: Mapping[str, str]) -> None:
    before = header.get("software", software())
    if before != software():
        Console(stderr=True).print(
            f"{path} was written by {before}, and the run goes on with {software()}, so it need not end as if it had "
            "never stopped.",
            soft_wrap=True,
            highlight=False,
            markup=False,
        )


def _part(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}


def _slots(tensors: Mapping[str, Tensor]) -> dict[int, dict[str, Any]]:
    state: dict[int, dict[str, Any]] = {}
    for name, tensor in tensors.items():
        index, slot = name.split("/")
        state.setdefault(int(index), {})[slot] = tensor
    return state
