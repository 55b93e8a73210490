"""Scores, how sure they are, and cross-validation over folds of subjects."""

from medical_transformer.evaluation.against_reference import (
    FAMILY,
    AgainstReference,
    compare_methods,
    compare_with_reference,
    headline_metrics,
)
from medical_transformer.evaluation.age_bias import AgeBias, age_bias, correct_age_bias
from medical_transformer.evaluation.cells import Cell, CellScore, summarise_cell
from medical_transformer.evaluation.comparison import Comparison, compare, compare_seeds
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
    dice,
    hausdorff95_mm,
    region_dice,
    region_hausdorff95_mm,
)
from medical_transformer.evaluation.predictions import FoldResult, SubjectPrediction
from medical_transformer.evaluation.resampled_test import ResampledTest, corrected_resampled_t, holm
from medical_transformer.evaluation.results import EvaluationResult
from medical_transformer.evaluation.scoring import score
from medical_transformer.evaluation.summary import MetricSummary
from medical_transformer.evaluation.surface import TOLERANCE_MM, region_surface_dice, surface_dice
from medical_transformer.evaluation.trials import Ablation, MethodFacts, Trial, Trials, often
from medical_transformer.evaluation.uncertainty import Interval, bootstrap_interval
from medical_transformer.tasks import BRATS_REGIONS
from medical_transformer.training import EpochRecord

__all__ = [
    "BRATS_REGIONS",
    "FAMILY",
    "TOLERANCE_MM",
    "Ablation",
    "AgainstReference",
    "AgeBias",
    "Cell",
    "CellScore",
    "Comparison",
    "EpochRecord",
    "EvaluationResult",
    "FoldResult",
    "Interval",
    "MethodFacts",
    "MetricSummary",
    "ResampledTest",
    "SubjectPrediction",
    "Trial",
    "Trials",
    "accuracy",
    "age_bias",
    "auc",
    "balanced_accuracy",
    "bootstrap_interval",
    "compare",
    "compare_methods",
    "compare_seeds",
    "compare_with_reference",
    "correct_age_bias",
    "corrected_resampled_t",
    "dice",
    "expected_calibration_error",
    "hand_till_mauc",
    "hausdorff95_mm",
    "headline_metrics",
    "holm",
    "mean_absolute_error",
    "mean_error",
    "often",
    "pearson",
    "r_squared",
    "region_dice",
    "region_hausdorff95_mm",
    "region_surface_dice",
    "root_mean_squared_error",
    "score",
    "summarise_cell",
    "surface_dice",
]
