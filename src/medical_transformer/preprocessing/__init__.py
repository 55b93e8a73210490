"""Making scans comparable: one after the other, or a whole cohort."""

from medical_transformer.preprocessing.config import BRATS, DEFAULT, FSL, PAPER, PRESETS, PipelineConfig, preset
from medical_transformer.preprocessing.folder import load_prepared
from medical_transformer.preprocessing.icv import log_icv, read_log_icv
from medical_transformer.preprocessing.prepare import Prepared, prepare
from medical_transformer.preprocessing.scan import PreparedScan, prepare_scan
from medical_transformer.preprocessing.store import Store, open_store

__all__ = [
    "BRATS",
    "DEFAULT",
    "FSL",
    "PAPER",
    "PRESETS",
    "PipelineConfig",
    "Prepared",
    "PreparedScan",
    "Store",
    "load_prepared",
    "log_icv",
    "open_store",
    "prepare",
    "prepare_scan",
    "preset",
    "read_log_icv",
]
