"""Folds: who trains, who validates and who tests, by subject and never by scan."""

import csv
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from medical_transformer.cohorts.cohort import Cohort
from medical_transformer.cohorts.indexed import counted
from medical_transformer.cohorts.strata import first_labels, interleaved, shuffled, strata
from medical_transformer.cohorts.tables import write_table
from medical_transformer.errors import CohortError, LeakageError

FEWEST_FOLDS = 3  # one tests, one validates, at least one trains


@dataclass(frozen=True, slots=True)
class Fold:
    """One split: subject identifiers to train, validate and test on.

    Attributes:
        train: whom the weights are fitted to.
        validation: on whom the epoch is chosen.
        test: whom the result is reported on.

    Raises:
        LeakageError: if a subject is in two parts.
    """

    train: frozenset[str]
    validation: frozenset[str]
    test: frozenset[str]

    def __post_init__(self) -> None:
        shared = (self.train & self.test) | (self.train & self.validation) | (self.validation & self.test)
        if shared:
            raise LeakageError(
                f"{counted(shared, 'subject')} of two parts of the split, such as {min(shared)!r}; "
                "give every subject to one part."
            )

    @property
    def subjects(self) -> frozenset[str]:
        """Everybody in the split."""
        return self.train | self.validation | self.test


def make_folds(
    cohort: Cohort, count: int = 5, *, label: str | None = None, together: str | None = None, seed: int = 0
) -> tuple[Fold, ...]:
    """Deal the subjects into folds: fold i tests, fold i+1 validates, the others train.

    Five folds give the paper's three to train, one to validate and one to test (paper section 4.1.1). Each
    subject is tested exactly once. The result depends on the subjects, their labels and the seed, not on the
    order of the scans.

    Args:
        cohort: the scans whose subjects are dealt.
        count: how many folds, at least 3.
        label: spread evenly over the folds: its classes, or ten bins of a number, taken from a subject's
            first scan that has it. Subjects without it are spread evenly too.
        together: subjects that share this stay together: `site`, or a label such as a family's. A subject without
            it is dealt alone.
        seed: another seed, another deal.

    Raises:
        CohortError: if there are fewer than 3 folds, fewer subjects (or groups) than folds, no scan has the label,
            or a subject belongs to two groups.
    """
    if together is not None:
        return _deal_groups(cohort, count, label, together, seed)
    subjects = cohort.subjects
    if count < FEWEST_FOLDS:
        raise CohortError(f"{count} folds cannot train, validate and test; take {FEWEST_FOLDS} or more.")
    if len(subjects) < count:
        raise CohortError(
            f"{cohort.name!r} has {counted(subjects, 'subject')}, too few for {count} folds; take fewer folds."
        )
    groups = strata(subjects, first_labels(cohort, label))
    dealt = [subject for group in groups for subject in shuffled(group, f"folds {seed}")]
    return _rotate({subject: position % count for position, subject in enumerate(dealt)}, count)


def _deal_groups(cohort: Cohort, count: int, label: str | None, together: str, seed: int) -> tuple[Fold, ...]:
    """Deal whole groups as if each were one subject."""
    groups = groups_of(cohort, together)
    if len(set(groups.values())) < count:
        raise CohortError(
            f"{cohort.name!r} has {counted(set(groups.values()), 'group')} of the same {together}, "
            f"too few for {count} folds."
        )
    stand_in = {group: f"group-{number}" for number, group in enumerate(sorted(set(groups.values())))}
    scans = tuple(replace(scan, subject=stand_in[groups[scan.subject]]) for scan in cohort.scans)
    dealt = make_folds(replace(cohort, scans=scans), count, label=label, seed=seed)
    number_of = {group: number for number, fold in enumerate(dealt) for group in fold.test}
    return _rotate({subject: number_of[stand_in[group]] for subject, group in groups.items()}, count)


def groups_of(cohort: Cohort, together: str) -> dict[str, str]:
    """Return each subject's group: the site or a label; the subject itself where it has none.

    Raises:
        CohortError: if nobody has such a group, or a subject belongs to two.
    """
    groups: dict[str, str] = {}
    for scan in cohort.scans:
        found = scan.site if together == "site" else scan.labels.get(together)
        if found is not None and groups.setdefault(scan.subject, f"{together} {found}") != f"{together} {found}":
            raise CohortError(f"Subject {scan.subject!r} belongs to two groups: {groups[scan.subject]} and {found}.")
    if not groups:
        raise CohortError(f"No scan of {cohort.name!r} says its {together!r}, by which subjects are to stay together.")
    return {subject: groups.get(subject, f"subject {subject}") for subject in cohort.subjects}


def limit_training(
    fold: Fold, fraction: float, seed: int = 0, *, cohort: Cohort | None = None, label: str | None = None
) -> Fold:
    """Return the fold with only a part of its training subjects; validation and test stay.

    A smaller part lies inside every larger one of the same seed, and each part has the label spread as the
    whole has it.

    Args:
        fold: the split.
        fraction: how much of the training subjects to keep, above 0 and up to 1; at least one is kept.
        seed: another seed, another part.
        cohort: where the label is looked up; needed with `label` only.
        label: kept spread as it is.

    Raises:
        CohortError: if the fraction is out of range, or a label is given without a cohort.
    """
    if not 0 < fraction <= 1:
        raise CohortError(f"The fraction of training subjects must be above 0 and at most 1, not {fraction}.")
    if label is not None and cohort is None:
        raise CohortError(f"To spread {label!r} over the training subjects, give the cohort that has it.")
    labels = first_labels(cohort, label) if cohort else {}
    groups = strata(sorted(fold.train), labels)
    ordered = interleaved([shuffled(group, f"training {seed}") for group in groups])
    # The tolerance keeps 0.1 * 30 at 3 subjects although it is 3.0000000000000004.
    kept = ordered[: max(1, math.ceil(fraction * len(ordered) - 1e-9))]
    return replace(fold, train=frozenset(kept))


def save_folds(folds: Sequence[Fold], path: Path) -> None:
    """Write who is tested in which fold (`subject`, `fold`, counted from 1); the rest follows from it.

    Raises:
        CohortError: if the folds are not as `make_folds` makes them, so the table could not bring them back.
    """
    tested = {subject: number for number, fold in enumerate(folds) for subject in fold.test}
    if _rotate(tested, len(folds)) != tuple(folds):
        raise CohortError(
            f"{path}: these folds are not a rotation in which fold i tests and fold i+1 validates; "
            "save the folds that make_folds returned, before limiting their training subjects."
        )
    numbered = sorted(((subject, number + 1) for subject, number in tested.items()), key=lambda pair: pair[::-1])
    write_table(path, ("subject", "fold"), numbered)


def load_folds(path: Path) -> tuple[Fold, ...]:
    """Read what `save_folds` wrote.

    Raises:
        CohortError: if the table is missing or damaged.
        LeakageError: if a subject stands in it twice.
    """
    if not path.is_file():
        raise CohortError(f"{path}: there is no such table of folds.")
    with path.open(newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file, delimiter="\t")
        if not {"subject", "fold"} <= set(reader.fieldnames or ()):
            raise CohortError(f"{path} needs the columns subject and fold, separated by a tab.")
        tested = _tested(path, reader)
    count = max(tested.values(), default=-1) + 1
    if count < FEWEST_FOLDS or set(tested.values()) != set(range(count)):
        raise CohortError(f"{path}: folds must be numbered 1, 2, 3 and on without a gap; found {count}.")
    return _rotate(tested, count)


def _tested(path: Path, rows: Iterable[Mapping[str, str]]) -> dict[str, int]:
    tested: dict[str, int] = {}
    for row in rows:
        if not (row["fold"] or "").isdecimal():
            raise CohortError(f"{path}: the fold of {row['subject']!r} is {row['fold']!r}, not a whole number.")
        if row["subject"] in tested:
            raise LeakageError(f"{path}: subject {row['subject']!r} stands in the table twice.")
        tested[row["subject"]] = int(row["fold"]) - 1
    return tested


def _rotate(tested: Mapping[str, int], count: int) -> tuple[Fold, ...]:
    parts: list[set[str]] = [set() for _ in range(count)]
    for subject, number in tested.items():
        parts[number].add(subject)
    everybody = frozenset(tested)
    folds = []
    for number in range(count):
        test, validation = frozenset(parts[number]), frozenset(parts[(number + 1) % count])
        folds.append(Fold(everybody - test - validation, validation, test))
    return tuple(folds)
