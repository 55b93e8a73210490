"""Cam-CAN: a BIDS data set of healthy adults whose participants.tsv writes the sexes as gender_code 1 and 2."""

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from medical_transformer.cohorts.indexed import Indexed
from medical_transformer.cohorts.readers import bids

name = "camcan"

# At any depth: as it is handed out, the data set lies in `cc700/mri/pipeline/release004/BIDS_20190411/anat`.
IMAGE = re.compile(r"^([^/]+/)*sub-CC\d+/anat/[^/]*_T1w\.nii")
SEX_CODES = {"1": "male", "2": "female"}


def recognises(source: Path, files: Sequence[Path]) -> bool:
    """Tell whether subjects such as sub-CC110033 lie here or in folders."""
    return any(IMAGE.match(path.as_posix()) for path in files)


def read(source: Path, files: Sequence[Path], table: Path | None) -> Indexed:
    """Read Cam-CAN as BIDS.

    Raises:
        CohortError: if there is no T1w image, or the table cannot be read.
    """
    indexed = bids.read(source, files, table, SEX_CODES)
    return replace(indexed, cohort=replace(indexed.cohort, name="Cam-CAN"))
