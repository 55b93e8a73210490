"""A head, a loss and its scores."""

from medical_transformer.tasks.classification import Classification
from medical_transformer.tasks.heads import SegmentationHead, VectorHead
from medical_transformer.tasks.model import TaskModel
from medical_transformer.tasks.model_folder import AnyTask, SavedModel, load_model, save_model
from medical_transformer.tasks.objective import SELECTION, LabelledBatch, TaskObjective
from medical_transformer.tasks.regression import Regression
from medical_transformer.tasks.segmentation import BRATS_REGIONS, Segmentation
from medical_transformer.tasks.shipped import find_model, shipped_models
from medical_transformer.tasks.task import Answer, Task
from medical_transformer.tasks.vector_task import VectorTask

__all__ = [
    "BRATS_REGIONS",
    "SELECTION",
    "Answer",
    "AnyTask",
    "Classification",
    "LabelledBatch",
    "Regression",
    "SavedModel",
    "Segmentation",
    "SegmentationHead",
    "Task",
    "TaskModel",
    "TaskObjective",
    "VectorHead",
    "VectorTask",
    "find_model",
    "load_model",
    "save_model",
    "shipped_models",
]
