"""Making scans comparable: one after the other, or a whole cohort."""

from medical_transformer.preprocessing.config import BRATS, DEFAULT, PAPER, PRESETS, PipelineConfig, preset
from medical_transformer.preprocessing.scan import PreparedScan, prepare_scan

__all__ = ["BRATS", "DEFAULT", "PAPER", "PRESETS", "PipelineConfig", "PreparedScan", "prepare_scan", "preset"]
