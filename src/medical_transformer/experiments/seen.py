"""Whom a model was trained on, as far as its folder tells, so that nobody is tested who was learnt from."""

import hashlib
from collections.abc import Mapping
from typing import Any

from medical_transformer.cohorts import Cohort
from medical_transformer.cohorts.hashing import HEX_DIGITS
from medical_transformer.tasks import SavedModel


def seen_subjects(saved: SavedModel, cohort: Cohort) -> set[str]:
    """Return the subjects of a cohort that a model was trained on.

    They are recognised by the bytes of their prepared scans, and by their names, or what was made of them for a
    published model, in a cohort of the same name.
    """
    about = saved.about
    contents, names, hashes = (set(about.get(word, ())) for word in ("contents", "subjects", "subject_hashes"))
    seen = {scan.subject for scan in cohort.scans if scan.content_hash in contents}
    if about.get("cohort") == cohort.name:
        seen |= {one for one in cohort.subjects if one in names or subject_hash(cohort.name, one) in hashes}
    return seen


def knows_names(saved: SavedModel) -> bool:
    """Tell whether a model's folder says who was trained on by name, and not only by the bytes of the scans."""
    return bool({"subjects", "subject_hashes"} & set(saved.about))


def subject_hash(cohort: str, subject: str) -> str:
    """Return 16 hex digits for a subject of a cohort. Whoever guesses the name can check the guess."""
    return hashlib.sha256(f"{cohort}/{subject}".encode()).hexdigest()[:HEX_DIGITS]


def subject_count(about: Mapping[str, Any]) -> int:
    """Return how many subjects a model was trained on."""
    return int(about["subject_count"] if "subject_count" in about else len(about["subjects"]))
