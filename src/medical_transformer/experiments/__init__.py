"""Whole jobs, one typed value each."""

from medical_transformer.experiments.comparison import Compared, ComparisonConfig, compare
from medical_transformer.experiments.config import (
    BackboneConfig,
    EvaluateConfig,
    FinetuneConfig,
    InputConfig,
    PretrainConfig,
)
from medical_transformer.experiments.evaluate import evaluate
from medical_transformer.experiments.export import Exported, export
from medical_transformer.experiments.finetune import Finetuned, finetune
from medical_transformer.experiments.methods import Method, listing, methods
from medical_transformer.experiments.models import ShippedModel, models
from medical_transformer.experiments.pretext_tasks import METHODS, PretrainingMethod
from medical_transformer.experiments.pretrain import Pretrained, pretrain
from medical_transformer.experiments.resuming import resume
from medical_transformer.experiments.task_choice import choose_task

__all__ = [
    "METHODS",
    "BackboneConfig",
    "Compared",
    "ComparisonConfig",
    "EvaluateConfig",
    "Exported",
    "FinetuneConfig",
    "Finetuned",
    "InputConfig",
    "Method",
    "PretrainConfig",
    "Pretrained",
    "PretrainingMethod",
    "ShippedModel",
    "choose_task",
    "compare",
    "evaluate",
    "export",
    "finetune",
    "listing",
    "methods",
    "models",
    "pretrain",
    "resume",
]
