"""The grid: one unit per task, method, share of the labels, seed and fold."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from medical_transformer.experiments.comparison.config import ComparisonConfig, NetworkMethod


@dataclass(frozen=True, slots=True, order=True)
class Unit:
    """One training and its test, the smallest piece of a comparison that is done or not done.

    Attributes:
        task: name of the task.
        method: name of the method.
        fraction: share of the training subjects' labels.
        seed: decides weights and draws, and who is among the share.
        fold: number of the fold, counted from 1.
    """

    task: str
    method: str
    fraction: float
    seed: int
    fold: int

    @property
    def place(self) -> Path:
        """Where the unit is filed, below the comparison's folder."""
        return Path(
            "units", self.task, self.method, f"share-{self.fraction:g}", f"seed-{self.seed}", f"fold-{self.fold}"
        )

    def __str__(self) -> str:
        share = "" if self.fraction == 1 else f", {100 * self.fraction:g} % of the labels"
        return f"{self.task}, {self.method}{share}, seed {self.seed}, fold {self.fold}"


def all_units(config: ComparisonConfig) -> Iterator[Unit]:
    """List the grid: whole trials of the first seed first, so that an early look sees whole tables."""
    for seed in config.seeds:
        for fraction in sorted(config.fractions, reverse=True):
            for task in config.tasks:
                for method in config.methods:
                    if _wanted(config, method, fraction, seed):
                        for fold in range(1, config.folds + 1):
                            yield Unit(task, method, fraction, seed, fold)


def _wanted(config: ComparisonConfig, method: str, fraction: float, seed: int) -> bool:
    if fraction < 1 and config.partial and method not in config.partial:
        return False
    # What is fitted at once draws nothing but who is among the share.
    drawn = isinstance(config.methods[method], NetworkMethod) or fraction < 1
    return drawn or seed == config.seeds[0]
