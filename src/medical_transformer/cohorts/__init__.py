"""Many MRIs: who, which scan, which label, which fold."""

from medical_transformer.cohorts.cohort import Cohort
from medical_transformer.cohorts.folds import Fold, limit_training, load_folds, make_folds, save_folds
from medical_transformer.cohorts.index import index
from medical_transformer.cohorts.indexed import Indexed
from medical_transformer.cohorts.ledger import Entry, Ledger, Verdict
from medical_transformer.cohorts.scan import Scan

__all__ = [
    "Cohort",
    "Entry",
    "Fold",
    "Indexed",
    "Ledger",
    "Scan",
    "Verdict",
    "index",
    "limit_training",
    "load_folds",
    "make_folds",
    "save_folds",
]
