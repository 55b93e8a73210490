"""A scan: one imaging occasion of one subject."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from medical_transformer.errors import CohortError

# Names and subjects become file names.
FILE_SAFE = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._-]*\Z")

# What a first visit is called where the names of visits do not sort by time, as in ADNI.
BASELINE = frozenset({"bl", "sc", "scmri"})

# The columns of a cohort's table that are no labels.
FIXED_COLUMNS = (
    "scan",
    "subject",
    "session",
    "site",
    "modality",
    "path",
    "segmentation",
    "source",
    "content_hash",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scan:
    """One imaging occasion of one subject, with its images and labels.

    Attributes:
        subject: who was scanned; folds are made of subjects, never of scans.
        name: unique in its cohort; everything about the scan is filed under it.
        images: modality (T1w, T1ce, T2w, FLAIR) to the image's path, relative to the cohort's root.
        session: which visit, where the data set says so.
        site: which scanner or hospital, where the data set says so.
        segmentation: a label map on the same grid as the images, relative to the cohort's root.
        labels: what is known about the scan, each under a name that carries its unit (`age_years`). A label
            that is missing is absent.
        source: the table and row it came from, or the file.
        content_hash: first 16 hex digits of the SHA-256 over the image files' bytes, and over those of a prepared
            label map.

    Raises:
        CohortError: if subject or name cannot name a file, there is no image, or a label is empty or
            not finite.
    """

    subject: str
    name: str
    images: Mapping[str, Path]
    session: str | None = None
    site: str | None = None
    segmentation: Path | None = None
    labels: Mapping[str, float | str] = field(default_factory=dict)
    source: str = ""
    content_hash: str = ""

    def __post_init__(self) -> None:
        for word, value in (("subject", self.subject), ("name", self.name)):
            if not FILE_SAFE.match(value):
                raise CohortError(
                    f"The {word} {value!r} cannot name a file; use letters, digits, '.', '_' and '-' only."
                )
        if not self.images:
            raise CohortError(f"Scan {self.name!r} has no image.")
        for label, said in self.labels.items():
            self._check_label(label, said)

    def _check_label(self, label: str, value: float | str) -> None:
        if label in FIXED_COLUMNS or not label.strip():
            raise CohortError(f"Scan {self.name!r}: {label!r} cannot name a label; a cohort's table needs it.")
        if not (value.strip() if isinstance(value, str) else math.isfinite(value)):
            raise CohortError(f"Scan {self.name!r}: label {label!r} is {value!r}; leave out a label that is missing.")
