"""What storing a network in half precision does to its answers."""

import copy
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from medical_transformer.backbones.weights import stored_tensors
from medical_transformer.errors import WeightsError
from medical_transformer.preprocessing.template import load_template
from medical_transformer.tasks import Regression, SavedModel, TaskModel, VectorHead

# Greatest difference that is let pass, in parts of the full scale: 1 for a probability, one standard deviation of
# the training labels for a number, the largest feature for an encoder. Half precision itself keeps three digits.
LIMIT = 0.02


@dataclass(frozen=True, slots=True)
class Difference:
    """The greatest difference of two answers on one brain.

    Attributes:
        size: in the unit of the answer.
        unit: such as `years`, or `of a probability`.
        scale: what `size` is small or large beside.
    """

    size: float
    unit: str
    scale: float

    def __str__(self) -> str:
        return f"{self.size:.2g} {self.unit}"


def halving_changes(saved: SavedModel) -> Difference:
    """Return how much the answer on the template's brain changes when the weights are stored in half precision.

    Raises:
        WeightsError: if that is more than `LIMIT` of the full scale, or the answer is no number any more.
    """
    halved = copy.deepcopy(saved.network)
    halved.load_state_dict(stored_tensors(saved.network, half=True))
    brain = template_batch(saved)
    before, after = (_answer(network, brain) for network in (saved.network, halved))
    unit, scale = _unit_and_scale(saved, before)
    found = Difference(float((before - after).abs().max()), unit, scale)
    if not found.size <= LIMIT * scale:  # not a number is refused too
        raise WeightsError(
            f"In half precision the answer on the template's brain changes by {found}, more than {LIMIT * scale:.2g}; "
            "the weights stay as they are with --single."
        )
    return found


def template_batch(saved: SavedModel) -> Tensor:
    """Return the template's brain as the network sees a scan, the same in every channel: a scan with known voxels."""
    brain = torch.from_numpy(load_template().brain.voxels).float()
    seen = functional.interpolate(brain[None, None] / brain.max(), size=saved.field_of_view, mode="trilinear")
    return seen.expand(-1, len(saved.modalities), -1, -1, -1)


@torch.inference_mode()
def _answer(network: torch.nn.Module, brain: Tensor) -> Tensor:
    """Return probabilities, a number, or the vector of an encoder."""
    network = network.eval()
    if not isinstance(network, TaskModel):
        vector: Tensor = network(brain).vector
        return vector
    outputs: Tensor = network(brain, torch.zeros(1))  # the template is as large as itself
    return outputs if isinstance(network.task, Regression) else outputs.softmax(dim=1)


def _unit_and_scale(saved: SavedModel, answer: Tensor) -> tuple[str, float]:
    network = saved.network
    if not isinstance(network, TaskModel):
        return "of a feature", float(answer.abs().max())
    if isinstance(network.task, Regression):
        assert isinstance(network.head, VectorHead)
        return network.task.unit or network.task.label, float(network.head.scale.max())
    return "of a probability", 1.0
