"""What tasks share that read a scan's vector: one head, and whether it standardises the vector."""

from abc import ABC
from typing import Annotated

from pydantic import Field
from torch import nn

from medical_transformer.contracts import Backbone
from medical_transformer.tasks.heads import VectorHead
from medical_transformer.tasks.task import Task


class VectorTask(Task, ABC):
    """Something to predict for a whole scan."""

    standardise: Annotated[
        bool, Field(description="Bring the vector's features to one mean and spread before the head (decision 0021).")
    ] = True

    @property
    def needs_maps(self) -> bool:
        """The answer is read from the scan's vector."""
        return False

    def head(self, backbone: Backbone) -> nn.Module:
        """Build a head on the scan's vector: linear, or with the hidden layer of the backbone's publication."""
        return VectorHead(backbone.feature_size, self.outputs, backbone.hidden_features, standardise=self.standardise)
