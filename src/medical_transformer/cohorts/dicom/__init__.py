"""DICOM: which series lie in folders and zips, which of them is the T1w, and its conversion by dcm2niix."""

from medical_transformer.cohorts.dicom.choice import Choice, choose
from medical_transformer.cohorts.dicom.conversion import convert
from medical_transformer.cohorts.dicom.finding import find_instances, holds_dicom, is_zip
from medical_transformer.cohorts.dicom.series import Series, find_series

__all__ = ["Choice", "Series", "choose", "convert", "find_instances", "find_series", "holds_dicom", "is_zip"]
