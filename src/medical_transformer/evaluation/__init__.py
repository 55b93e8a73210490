"""Scores, how sure they are, and cross-validation over folds of subjects."""

from medical_transformer.evaluation.comparison import Comparison, compare
from medical_transformer.evaluation.metrics import (
    accuracy,
    auc,
    balanced_accuracy,
    expected_calibration_error,
    hand_till_mauc,
    mean_absolute_error,
    mean_error,
    pearson,
    r_squared,
    root_mean_squared_error,
)
from medical_transformer.evaluation.overlap import (
    BRATS_REGIONS,
    dice,
    hausdorff95_mm,
    region_dice,
    region_hausdorff95_mm,
)
from medical_transformer.evaluation.predictions import FoldResult, SubjectPrediction
from medical_transformer.evaluation.results import EvaluationResult
from medical_transformer.evaluation.scoring import score
from medical_transformer.evaluation.summary import MetricSummary
from medical_transformer.evaluation.trials import MethodFacts, Trial, Trials
from medical_transformer.evaluation.uncertainty import Interval, bootstrap_interval
from medical_transformer.training import EpochRecord

__all__ = [
    "BRATS_REGIONS",
    "Comparison",
    "EpochRecord",
    "EvaluationResult",
    "FoldResult",
    "Interval",
    "MethodFacts",
    "MetricSummary",
    "SubjectPrediction",
    "Trial",
    "Trials",
    "accuracy",
    "auc",
    "balanced_accuracy",
    "bootstrap_interval",
    "compare",
    "dice",
    "expected_calibration_error",
    "hand_till_mauc",
    "hausdorff95_mm",
    "mean_absolute_error",
    "mean_error",
    "pearson",
    "r_squared",
    "region_dice",
    "region_hausdorff95_mm",
    "root_mean_squared_error",
    "score",
]
