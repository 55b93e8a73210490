"""The tasks of a comparison, opened: scans, labels, folds."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from medical_transformer.cohorts import Cohort, Scan
from medical_transformer.cohorts.folds import Fold, limit_training, make_folds
from medical_transformer.errors import CohortError
from medical_transformer.experiments.comparison.config import ComparisonConfig, TaskEntry
from medical_transformer.experiments.comparison.units import Unit
from medical_transformer.experiments.config import InputConfig
from medical_transformer.experiments.data import Data, open_data
from medical_transformer.experiments.task_choice import choose_task
from medical_transformer.tasks import AnyTask


@dataclass(frozen=True, slots=True)
class OpenTask:
    """A task with its scans.

    Attributes:
        name: as the experiment file calls it.
        task: what is predicted.
        data: the prepared cohort with its voxels.
        labelled: the scans that have the label.
        folds: the same for every method, seed and share.
        input: what the networks see.
    """

    name: str
    task: AnyTask
    data: Data
    labelled: Cohort
    folds: tuple[Fold, ...]
    input: InputConfig

    def fold_of(self, unit: Unit) -> Fold:
        """Return a unit's fold, with the share of the training subjects that it may use."""
        whole = self.folds[unit.fold - 1]
        label = None if self.task.needs_maps else self.task.label
        return limit_training(whole, unit.fraction, unit.seed, cohort=self.labelled, label=label)


def open_task(config: ComparisonConfig, name: str) -> OpenTask:
    """Open one task of a comparison.

    Raises:
        CohortError: if no scan has the label, or there are too few subjects for the folds.
    """
    entry = config.tasks[name]
    inputs = entry.input or config.input
    data = open_data(entry.prepared, inputs, segmentation=entry.segments)
    if entry.groups:
        data = replace(data, cohort=_grouped(data.cohort, entry))
    task = choose_task(data.cohort, _label(entry), entry.kind, regions=entry.regions, icv=entry.icv)
    labelled = data.cohort if task.needs_maps else data.cohort.with_label(task.label)
    label = None if task.needs_maps else task.label
    folds = make_folds(labelled, config.folds, label=label, together=config.together, seed=config.fold_seed)
    return OpenTask(name, task, data, labelled, folds, inputs)


def _label(entry: TaskEntry) -> str:
    return f"{entry.label}_group" if entry.groups else entry.label


def _grouped(cohort: Cohort, entry: TaskEntry) -> Cohort:
    """Return the cohort with a class made of a number; scans outside all groups have none."""
    scans = tuple(replace(scan, labels=_with_group(scan, entry)) for scan in cohort.scans)
    if not any(_label(entry) in scan.labels for scan in scans):
        raise CohortError(f"No scan of {cohort.name!r} has a label {entry.label!r} within the groups of the task.")
    return replace(cohort, scans=scans)


def _with_group(scan: Scan, entry: TaskEntry) -> Mapping[str, float | str]:
    value = scan.labels.get(entry.label)
    if isinstance(value, str) or value is None:
        return scan.labels
    found = [name for name, (lowest, highest) in entry.groups.items() if lowest <= value < highest]
    return {**scan.labels, _label(entry): found[0]} if found else scan.labels
