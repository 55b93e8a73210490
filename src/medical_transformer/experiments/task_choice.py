"""From the name of a label to a task."""

from collections import Counter
from collections.abc import Mapping

import numpy as np

from medical_transformer.cohorts import Cohort
from medical_transformer.errors import CohortError, ConfigError
from medical_transformer.tasks import BRATS_REGIONS, AnyTask, Classification, Regression, Segmentation
from medical_transformer.volumes import read_label_map

# A label whose name ends in one of these words is a number in that unit.
UNITS = ("years", "months", "ml", "mm", "cm", "kg", "points", "days")
MOST_CLASSES = 20


def choose_task(
    cohort: Cohort,
    label: str,
    kind: str = "auto",
    *,
    regions: Mapping[str, tuple[int, ...]] | None = None,
    icv: bool = False,
) -> AnyTask:
    """Return the task that predicts a label of a cohort.

    Args:
        cohort: its scans have the label, or label maps.
        label: name of the label; `segmentation` for the label maps.
        kind: `classification`, `regression` or `segmentation`; `auto` looks at the values.
        regions: for a segmentation, which label values make up which region; BraTS' three regions, or one region
            per value, where none are given. Regions that share no value are predicted as wholes.
        icv: whether the intracranial volume is read too; not for a segmentation.

    Raises:
        CohortError: if no scan has the label.
        ConfigError: if the label does not fit the kind.
    """
    if kind == "auto":
        kind = _kind_of(cohort, label)
    if kind == "segmentation":
        if icv:
            raise ConfigError(
                "The intracranial volume helps to tell a class or a number, not to segment; leave it out."
            )
        return _segmentation(cohort, regions)
    values = [scan.labels[label] for scan in cohort.with_label(label).scans]
    if kind == "regression":
        if any(isinstance(value, str) for value in values):
            raise ConfigError(f"Label {label!r} holds words, such as {values[0]!r}; it cannot be a regression.")
        unit = label.rpartition("_")[2]
        return Regression(label=label, unit=unit if unit in UNITS else "", icv=icv)
    if kind == "classification":
        return _classification(label, [str(value) for value in values], icv=icv)
    raise ConfigError(f"There is no kind of task {kind!r}; choose classification, regression or segmentation.")


def _kind_of(cohort: Cohort, label: str) -> str:
    if label == "segmentation":
        return "segmentation"
    values = [scan.labels[label] for scan in cohort.with_label(label).scans]
    return "classification" if any(isinstance(value, str) for value in values) else "regression"


def _classification(label: str, values: list[str], *, icv: bool) -> Classification:
    classes = sorted(Counter(values))
    if not 2 <= len(classes) <= MOST_CLASSES:
        raise ConfigError(f"Label {label!r} has {len(classes)} different values; a classification needs 2 to 20.")
    return Classification(label=label, classes=tuple(classes), icv=icv)


def _segmentation(cohort: Cohort, regions: Mapping[str, tuple[int, ...]] | None) -> Segmentation:
    maps = [scan.segmentation for scan in cohort.scans if scan.segmentation is not None]
    if not maps:
        raise CohortError(f"No scan of {cohort.name!r} has a label map.")
    if regions is None:
        found = {int(value) for path in maps for value in np.unique(read_label_map(cohort.root / path)[0].voxels)} - {0}
        if not found:
            raise CohortError(f"All label maps of {cohort.name!r} are empty.")
        # BraTS 2020 has no label 3; a map that lacks 4 too is some other lesion's or structure's.
        tumour = 4 in found and found <= {1, 2, 4}
        regions = BRATS_REGIONS if tumour else {f"label-{value}": (value,) for value in sorted(found)}
    return _of_nested(regions) if _overlap(regions) else _of_parts(regions)


def _overlap(regions: Mapping[str, tuple[int, ...]]) -> bool:
    values = [value for union in regions.values() for value in union]
    return len(set(values)) < len(values)


def _of_nested(regions: Mapping[str, tuple[int, ...]]) -> Segmentation:
    """Predict every value; regions are unions of them."""
    return Segmentation(values=tuple(sorted({value for union in regions.values() for value in union})), regions=regions)


def _of_parts(regions: Mapping[str, tuple[int, ...]]) -> Segmentation:
    """Predict one class per region: an atlas has a hundred values where a handful of structures is asked for."""
    if all(len(values) == 1 for values in regions.values()):
        return _of_nested(regions)
    return Segmentation(
        values=tuple(range(1, len(regions) + 1)),
        stands_for=dict(enumerate(regions.values(), start=1)),
        regions={name: (value,) for value, name in enumerate(regions, start=1)},
    )
