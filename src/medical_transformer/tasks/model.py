"""A backbone with a head: what is fine-tuned and what predicts."""

from torch import Tensor, nn

from medical_transformer.contracts import Backbone
from medical_transformer.shapes import VolumeBatch
from medical_transformer.tasks.task import Task


class TaskModel(nn.Module):
    """A backbone and the head of one task; all of it is trainable (paper section 3.3.2)."""

    def __init__(self, backbone: Backbone, task: Task) -> None:
        super().__init__()
        self.task = task
        self.backbone = backbone
        self.head = task.head(backbone)

    def forward(self, volumes: VolumeBatch) -> Tensor:
        """Predict one row per scan, or class scores for every voxel."""
        encoding = self.backbone(volumes, maps=self.task.needs_maps)
        outputs: Tensor = self.head(encoding, volumes.shape[2:])
        return outputs
