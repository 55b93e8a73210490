"""What tasks share that read a scan's vector: one head, what it is told, and whether it standardises that."""

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

    icv: Annotated[bool, Field(description="Read the intracranial volume too, which registration takes away.")] = False

    @property
    def needs_maps(self) -> bool:
        """The answer is read from the scan's vector."""
        return False

    def head(self, backbone: Backbone) -> nn.Module:
        """Build a head on the scan's vector: linear, or with the hidden layer of the backbone's publication."""
        features = backbone.feature_size + self.icv
        return VectorHead(features, self.outputs, backbone.hidden_features, standardise=self.standardise)
