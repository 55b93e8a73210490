"""Stratifying: spreading a label evenly over whatever subjects are dealt into."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence

from medical_transformer.cohorts.cohort import Cohort
from medical_transformer.cohorts.labels import Label

MOST_BINS = 10


def first_labels(cohort: Cohort, label: str | None) -> dict[str, Label]:
    """Return each subject's label, of its first scan that has it; nothing where no label is asked for.

    Raises:
        CohortError: if no scan has the label.
    """
    if label is None:
        return {}
    first: dict[str, Label] = {}
    for scan in cohort.with_label(label).scans:
        first.setdefault(scan.subject, scan.labels[label])
    return first


def strata(subjects: Sequence[str], labels: Mapping[str, Label]) -> list[list[str]]:
    """Group the subjects by class or by bin of a number, in a fixed order; the unlabelled come last."""
    classes = _classes({subject: labels[subject] for subject in subjects if subject in labels})
    groups: dict[tuple[bool, int | str], list[str]] = {}
    for subject in sorted(subjects):
        key = (subject not in classes, classes.get(subject, ""))
        groups.setdefault(key, []).append(subject)
    return [groups[key] for key in sorted(groups, key=lambda key: (key[0], str(key[1]).zfill(9)))]


def _classes(labels: Mapping[str, Label]) -> Mapping[str, int | str]:
    """Return each subject's class, or the bin of its number: ten of equal size, equal numbers together."""
    numbers = sorted(value for value in labels.values() if not isinstance(value, str))
    if len(numbers) < len(labels):
        return {subject: str(value) for subject, value in labels.items()}
    rank = {value: position for position, value in reversed(list(enumerate(numbers)))}
    return {
        subject: rank[value] * MOST_BINS // len(numbers)
        for subject, value in labels.items()
        if not isinstance(value, str)
    }


def shuffled(subjects: Iterable[str], purpose: str) -> list[str]:
    """Order subjects by a hash of purpose and name, so that nobody's place depends on who else is there."""
    return sorted(subjects, key=lambda subject: hashlib.sha256(f"{purpose} {subject}".encode()).digest())


def interleaved(strata: Sequence[Sequence[str]]) -> list[str]:
    """Merge the strata so that every beginning of the result holds them in proportion."""
    places = (
        ((position + 0.5) / len(stratum), number, subject)
        for number, stratum in enumerate(strata)
        for position, subject in enumerate(stratum)
    )
    return [subject for _, _, subject in sorted(places)]
