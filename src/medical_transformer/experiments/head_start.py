"""Where a linear head begins: fitted in closed form to what the network says before its first step.

With a random head the first steps undo part of what a pre-trained encoder knows, because they are steps towards that
head (Kumar et al. 2022, arXiv 2202.10054: linear probing, then fine-tuning).
"""

from collections.abc import Sequence

import numpy as np
import torch

from medical_transformer.backbones import build_backbone
from medical_transformer.backbones.undrawn import undrawn
from medical_transformer.cohorts import Scan
from medical_transformer.errors import CohortError, ConfigError
from medical_transformer.experiments.config import BackboneConfig
from medical_transformer.experiments.data import LabelledSource
from medical_transformer.experiments.linear_model import Features, fit_linear
from medical_transformer.tasks import AnyTask, Classification, Regression, TaskModel, VectorHead
from medical_transformer.training import TrainingConfig, generator
from medical_transformer.training.devices import choose_device
from medical_transformer.training.fit import Split

VARIED_COPIES = 3  # of each training scan, beside the scan itself, where scans are varied


def start_head(model: TaskModel, source: LabelledSource, split: Split, training: TrainingConfig) -> None:
    """Fit the head to the vectors of the training scans; the penalty is the one that suits the validation scans best.

    Args:
        model: its head is linear, and prepared for the task's targets.
        source: where scans come from, varied if it is set to.
        split: which scans are fitted, and which choose the penalty.
        training: says where to compute, how many scans at a time, and the seed of the variations.

    Raises:
        ConfigError: for a segmentation, and for a head with a hidden layer.
        CohortError: if the training scans lack a class.
    """
    refuse_other_heads(model)
    task, head = model.task, model.head
    assert isinstance(task, Classification | Regression)
    assert isinstance(head, VectorHead)
    model.to(choose_device(training.device)).eval()
    vectors, scans = _vectors(model, source, split.training, training, copies=1 + VARIED_COPIES * source.augment)
    validation = _vectors(model, source, split.validation, training)
    fitted = fit_linear(task, (vectors, scans), validation, own=int(model.reads_icv), by_loss=True)
    if head.standardisation is not None:
        head.standardisation.settle(torch.from_numpy(vectors).to(head.linear.weight))
    put_layer(*fitted.layer(), model)


def refuse_unfit_head(backbone: BackboneConfig, task: AnyTask) -> None:
    """Refuse a network and a task whose head cannot start from a linear fit, before anything is read.

    Raises:
        ConfigError: for a segmentation, and for a head with a hidden layer.
    """
    with undrawn():
        refuse_other_heads(TaskModel(build_backbone(backbone.name, backbone.settings), task))


def refuse_other_heads(model: TaskModel) -> None:
    """Refuse a model whose head cannot start from a linear fit; a model without values will do.

    Raises:
        ConfigError: for a segmentation, and for a head with a hidden layer.
    """
    if not isinstance(model.head, VectorHead) or model.head.hidden is not None:
        raise ConfigError(
            "`head: fitted` needs a linear head on the scan's vector; a segmentation has none, and neither have the "
            "networks that Table 3 counts with a hidden layer. Leave `head` out."
        )


@torch.no_grad()
def put_layer(weight: Features, bias: Features, model: TaskModel) -> None:
    """Make a linear model on the scan's vector the head, whatever the head does before and after its linear layer.

    Args:
        weight: outputs by features.
        bias: one per output, in the label's unit.
        model: its head is linear.

    Raises:
        CohortError: if the linear model lacks a class of the task.
    """
    head, task = model.head, model.task
    assert isinstance(head, VectorHead)
    if isinstance(task, Classification) and len(weight) != len(task.classes):
        raise CohortError(f"The training scans hold {len(weight)} of the {len(task.classes)} classes of {task.label}.")
    slopes, constants = (torch.from_numpy(np.asarray(part)).to(head.linear.weight) for part in (weight, bias))
    if head.standardisation is not None:
        constants = constants + slopes @ head.standardisation.mean
        slopes = slopes * (head.standardisation.variance + head.standardisation.EPSILON).sqrt()
    head.linear.weight.copy_(slopes / head.scale[:, None])
    head.linear.bias.copy_((constants - head.centre) / head.scale)


@torch.inference_mode()
def _vectors(
    model: TaskModel, source: LabelledSource, places: Sequence[int], training: TrainingConfig, *, copies: int = 1
) -> tuple[Features, list[Scan]]:
    """Encode scans as they are, then once more for every further copy, varied as in training."""
    found, step, device = [], training.batch_size, next(model.parameters()).device
    for copy in range(copies):
        draws = generator(training.seed, "head", copy) if copy else None
        for first in range(0, len(places), step):
            batch = source.load(list(places[first : first + step]), draws).to(device)
            found.append(model.encode(batch.volumes, batch.log_icv).vector.float().cpu())
    return torch.cat(found).numpy(), source.scans(places) * copies
