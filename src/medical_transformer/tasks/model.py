"""A backbone with a head: what is fine-tuned and what predicts."""

import torch
from torch import Tensor, nn

from medical_transformer.contracts import Backbone, Encoding
from medical_transformer.errors import ConfigError
from medical_transformer.shapes import ScanNumbers, VolumeBatch
from medical_transformer.tasks.task import Task
from medical_transformer.tasks.vector_task import VectorTask


class TaskModel(nn.Module):
    """A backbone and the head of one task; all of it is trainable (paper section 3.3.2)."""

    def __init__(self, backbone: Backbone, task: Task) -> None:
        super().__init__()
        self.task = task
        self.backbone = backbone
        self.head = task.head(backbone)

    @property
    def reads_icv(self) -> bool:
        """Whether the head reads the intracranial volume too."""
        return isinstance(self.task, VectorTask) and self.task.icv

    def forward(self, volumes: VolumeBatch, log_icv: ScanNumbers | None = None) -> Tensor:
        """Predict one row per scan, or class scores for every voxel.

        Args:
            volumes: prepared scans.
            log_icv: logarithm of the intracranial volumes (`preprocessing.icv`), where the task reads them.
        """
        outputs: Tensor = self.head(self.encode(volumes, log_icv), volumes.shape[2:])
        return outputs

    def encode(self, volumes: VolumeBatch, log_icv: ScanNumbers | None = None) -> Encoding:
        """Return what the head reads; the intracranial volume is the last feature of the vector.

        Raises:
            ConfigError: if the task reads the intracranial volume and it is not given.
        """
        encoding = self.backbone(volumes, maps=self.task.needs_maps)
        if not self.reads_icv:
            return encoding
        if log_icv is None:
            raise ConfigError(f"This model of {self.task.label} reads the intracranial volume too; give it `log_icv`.")
        return Encoding(torch.cat([encoding.vector, log_icv[:, None].to(encoding.vector)], dim=1), encoding.maps)
