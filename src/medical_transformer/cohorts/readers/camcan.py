"""Cam-CAN: a BIDS data set of healthy adults whose participants.tsv writes the sexes as gender_code 1 and 2."""

from dataclasses import replace
from pathlib import Path

from medical_transformer.cohorts.indexed import Indexed
from medical_transformer.cohorts.readers import bids

name = "camcan"

SEX_CODES = {"1": "male", "2": "female"}


def recognises(folder: Path) -> bool:
    """Tell whether a folder, or one right below it, holds subjects such as sub-CC110033."""
    patterns = ("sub-CC[0-9]*/anat/*_T1w.nii*", "*/sub-CC[0-9]*/anat/*_T1w.nii*")
    return any(True for pattern in patterns for _ in folder.glob(pattern))


def read(source: Path, table: Path | None) -> Indexed:
    """Read Cam-CAN as BIDS.

    Raises:
        CohortError: if there is no T1w image, or the table cannot be read.
    """
    indexed = bids.read(source, table, SEX_CODES)
    return replace(indexed, cohort=replace(indexed.cohort, name="Cam-CAN"))
