"""`medtrans methods`: every backbone with its exact parameter counts per task (Table 3 of the paper)."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch

from medical_transformer.backbones import BACKBONES, build_backbone
from medical_transformer.tasks import BRATS_REGIONS, AnyTask, Classification, Regression, Segmentation, TaskModel

# The paper's three tasks: AD/MCI/CN and age from one T1 scan, tumours from four modalities.
TABLE_3: Mapping[str, tuple[AnyTask, int]] = {
    "classification": (Classification(label="diagnosis", classes=("CN", "MCI", "AD")), 1),
    "regression": (Regression(label="age_years", unit="years"), 1),
    "segmentation": (Segmentation(values=(1, 2, 4), regions=BRATS_REGIONS), 4),
}


@dataclass(frozen=True, slots=True)
class Method:
    """A backbone that can be chosen by name.

    Attributes:
        name: what `backbone.name` of a configuration takes.
        title: what it is called in a table.
        parameters: trainable weights per task, with the paper's classes and modalities.
        source: where it is described.
        licence: of its weights or of the implementation.
    """

    name: str
    title: str
    parameters: Mapping[str, int]
    source: str
    licence: str


def methods() -> tuple[Method, ...]:
    """List all backbones; the counts come from networks that are really built."""
    return tuple(
        Method(
            name, entry.title, {kind: _count(name, *row) for kind, row in TABLE_3.items()}, entry.source, entry.licence
        )
        for name, entry in BACKBONES.items()
    )


def _count(name: str, task: AnyTask, channels: int) -> int:
    with torch.device("meta"):
        model = TaskModel(build_backbone(name, {"in_channels": channels}), task)
    return sum(parameter.numel() for parameter in model.parameters())
