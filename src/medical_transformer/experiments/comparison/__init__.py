"""Many methods on many tasks, from one experiment file: the paper's tables."""

from medical_transformer.experiments.comparison.compare import Compared, compare
from medical_transformer.experiments.comparison.config import ComparisonConfig

__all__ = ["Compared", "ComparisonConfig", "compare"]
