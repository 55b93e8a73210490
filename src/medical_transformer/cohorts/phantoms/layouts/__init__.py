"""Drawn cohorts on disk, each in the layout of a real data set."""

from medical_transformer.cohorts.phantoms.layouts.adni import write_adni
from medical_transformer.cohorts.phantoms.layouts.brats import write_brats
from medical_transformer.cohorts.phantoms.layouts.ixi import write_ixi

__all__ = ["write_adni", "write_brats", "write_ixi"]
