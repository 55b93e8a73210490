"""A prepared cohort, opened for training: scans, voxels, and how they were prepared."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import torch
from torch import Tensor

from medical_transformer.cohorts import Cohort, Scan
from medical_transformer.cohorts.folds import FEWEST_FOLDS, make_folds
from medical_transformer.cohorts.indexed import counted
from medical_transformer.cohorts.tables import read_json
from medical_transformer.errors import CohortError
from medical_transformer.experiments.config import InputConfig
from medical_transformer.preprocessing import PipelineConfig, Store, load_prepared, open_store, read_log_icv
from medical_transformer.pretraining import EncodedScans, EncodedSlices, UnlabelledBatch
from medical_transformer.shapes import ScanNumbers
from medical_transformer.tasks import LabelledBatch, Segmentation, Task, VectorTask
from medical_transformer.training.augmentation import draw_variation, vary, vary_labels
from medical_transformer.training.residence import keep_voxels


@dataclass(frozen=True, slots=True)
class Data:
    """A prepared cohort with its voxels.

    Attributes:
        cohort: the scans; the store holds them in the same order.
        store: the voxels, memory-mapped.
        preparation: how they were prepared.
    """

    cohort: Cohort
    store: Store
    preparation: PipelineConfig

    @property
    def in_template(self) -> bool:
        """Whether the scans lie in the template's space."""
        return self.preparation.space == "mni"

    def log_icv(self, places: Sequence[int]) -> ScanNumbers:
        """Return the logarithm of some scans' intracranial volumes (`preprocessing.icv`)."""
        scans = (self.cohort.scans[place] for place in places)
        return torch.tensor([read_log_icv(scan, self.preparation, self.cohort.root) for scan in scans])

    def places(self, subjects: frozenset[str], *, among: Cohort | None = None) -> tuple[int, ...]:
        """Return the places of the scans of some subjects, of all or only those that stand in a part of the cohort."""
        names = {scan.name for scan in (among or self.cohort).scans}
        return tuple(
            place for place, scan in enumerate(self.cohort.scans) if scan.subject in subjects and scan.name in names
        )


def open_data(prepared: Path, config: InputConfig, *, segmentation: bool = False) -> Data:
    """Open the voxels of a prepared cohort, building the store where there is none yet.

    Scans that lack a modality, or a label map where one is needed, are left out.

    Raises:
        CohortError: if the folder was not made by `prepare`, or not to the end, or no scan is left.
    """
    cohort = load_prepared(prepared).where(
        lambda scan: set(config.modalities) <= set(scan.images) and (not segmentation or scan.segmentation is not None)
    )
    if not cohort.scans:
        needed = ", ".join(config.modalities) + (" and a label map" if segmentation else "")
        raise CohortError(f"No scan in {prepared} has {needed}.")
    settings = read_json(prepared / "pipeline.json")
    preparation = PipelineConfig.model_validate(settings.get("config", settings))
    parts = [*config.modalities, f"pool{config.pool}", *(["segmentation"] if segmentation else [])]
    folder = prepared / "store" / "-".join(parts)
    store = open_store(cohort, config.modalities, folder, pool=config.pool, segmentation=segmentation)
    return Data(cohort, store, preparation)


def hold_out(
    cohort: Cohort, share: float, *, label: str | None = None, seed: int = 0, fewest: int = FEWEST_FOLDS
) -> tuple[frozenset[str], frozenset[str]]:
    """Return the subjects to train on, and a share of the subjects that chooses the epoch.

    Args:
        cohort: whose subjects are dealt.
        share: of the subjects, that is held out.
        label: is spread evenly.
        seed: decides who is held out.
        fewest: subjects with which a larger share would do; with fewer it is not recommended.

    Raises:
        CohortError: if there are too few subjects for such a share.
    """
    parts = max(FEWEST_FOLDS, round(1 / share))
    subjects = cohort.subjects
    if len(subjects) < parts:
        found = f"{counted(subjects, 'subject')} {'is' if len(subjects) == 1 else 'are'}"
        larger = "" if len(subjects) < fewest else f"set `validation: {1 / FEWEST_FOLDS:.2f}` in --config, or "
        raise CohortError(f"{cohort.name!r}: {found} too few to hold out {share:.0%}; {larger}add scans.")
    fold = make_folds(cohort, parts, label=label, seed=seed)[0]
    return fold.train | fold.validation, fold.test


class _StoreSource:
    """What all sources share that read voxels from a store."""

    def __init__(self, data: Data) -> None:
        self.data = data
        self.resident: Tensor | None = None

    def keep_on(self, device: str) -> Self:
        """Copy all voxels to a card where they fit, so that no batch is ever waited for."""
        self.resident = keep_voxels(self.data.store, torch.device(device))
        return self

    def names(self, items: Sequence[int]) -> list[str]:
        """Return the names of scans."""
        return [self.data.cohort.scans[item].name for item in items]

    def scans(self, items: Sequence[int]) -> list[Scan]:
        """Return scans by place."""
        return [self.data.cohort.scans[item] for item in items]

    def volumes(self, items: Sequence[int]) -> Tensor:
        """Read volumes as a batch, from the card if they are there."""
        if self.resident is not None:
            return self.resident[list(items)].float()
        return torch.from_numpy(self.data.store.volumes(items))


class UnlabelledSource(_StoreSource):
    """Scans and their subjects, for stage 1."""

    def load(self, items: list[int], draws: torch.Generator | None) -> UnlabelledBatch:
        """Return scans as they are: stage 1 draws its own intensity curves."""
        del draws
        return UnlabelledBatch(self.volumes(items), tuple(scan.subject for scan in self.scans(items)))


class EncodedSource(_StoreSource):
    """Slice vectors that were computed once, for stage 2."""

    def __init__(self, data: Data, encoded: EncodedScans) -> None:
        super().__init__(data)
        self.encoded = encoded

    def load(self, items: list[int], draws: torch.Generator | None) -> EncodedSlices:
        """Return the vectors of some scans: stage 2 draws its own masks."""
        del draws
        return self.encoded.select(items)


class LabelledSource(_StoreSource):
    """Scans with what is to be predicted."""

    def __init__(self, data: Data, task: Task, *, augment: bool) -> None:
        super().__init__(data)
        self.task, self.augment = task, augment
        reads = isinstance(task, VectorTask) and task.icv
        self.log_icv = data.log_icv(range(len(data.cohort))) if reads else None

    def targets(self, items: Sequence[int]) -> Tensor:
        """Return the targets of some scans; for a segmentation the class maps."""
        if isinstance(self.task, Segmentation):
            return self.task.encode(torch.from_numpy(self.data.store.segmentations(items)))
        return self.task.targets(self.scans(items))

    def log_icv_of(self, items: Sequence[int]) -> ScanNumbers | None:
        """Return the logarithm of some scans' intracranial volumes, where the task reads them."""
        return None if self.log_icv is None else self.log_icv[list(items)]

    def load(self, items: list[int], draws: torch.Generator | None) -> LabelledBatch:
        """Return scans and targets, varied where a generator is given and variation was asked for."""
        volumes, targets = self.volumes(items), self.targets(items)
        if draws is not None and self.augment:
            variation = draw_variation(len(items), draws, mirror=not self.task.needs_maps)
            volumes = vary(volumes, variation)
            targets = vary_labels(targets, variation) if self.task.needs_maps else targets
        return LabelledBatch(volumes, targets, self.log_icv_of(items))
