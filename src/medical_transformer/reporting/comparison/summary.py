"""Everything that the tables, plots and sentences of a comparison are made of, computed once."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from medical_transformer.evaluation import (
    AgainstReference,
    Cell,
    EvaluationResult,
    Trials,
    compare_methods,
    compare_with_reference,
    headline_metrics,
    summarise_cell,
)

# Method, task, share of the labels, seed: a cross-validation that is done, or was planned.
Place = tuple[str, str, float, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparisonSummary:
    """A comparison, summarised.

    Attributes:
        trials: what was summarised.
        cells: by method, task and share; only where a seed is done.
        against: every method against the reference.
        ablation: the network without transformer against the one with it, task by task.
        planned: seeds that were to be done, by method, task and share.
        same_data: tasks whose data set is the paper's own.
    """

    trials: Trials
    cells: Mapping[tuple[str, str, float], Cell]
    against: tuple[AgainstReference, ...]
    planned: Mapping[tuple[str, str, float], frozenset[int]]
    same_data: frozenset[str] = frozenset()
    ablation: tuple[AgainstReference, ...] = ()

    def cell(self, method: str, task: str, fraction: float = 1.0) -> Cell | None:
        """Return a cell; None where no seed is done."""
        return self.cells.get((method, task, fraction))

    def result(self, task: str) -> EvaluationResult:
        """Return any result of a task, for what all of them share: kind, label, unit, classes."""
        return next(one.result for one in self.trials.trials if one.task == task)

    def headline(self, task: str) -> tuple[str, ...]:
        """Return the scores of a task that tables show."""
        return headline_metrics(self.result(task))

    def is_same_data(self, task: str) -> bool:
        """Tell whether a task's data set is the paper's own."""
        return task in self.same_data

    def difference(self, method: str, task: str, metric: str, fraction: float = 1.0) -> AgainstReference | None:
        """Return a method's comparison with the reference; None where there is none."""
        for one in self.against:
            if (one.method, one.task, one.comparison.metric, one.fraction) == (method, task, metric, fraction):
                return one
        return None

    def missing(self, method: str, task: str, fraction: float = 1.0) -> tuple[int, int]:
        """Return how many seeds of a cell are done, and how many were planned."""
        cell = self.cell(method, task, fraction)
        done = len(cell.seeds) if cell else 0
        return done, max(done, len(self.planned.get((method, task, fraction), ())))

    @property
    def shares(self) -> tuple[float, ...]:
        """Shares of the labels that are done or planned, ascending."""
        return tuple(sorted({fraction for _, _, fraction in (*self.planned, *self.cells)}))


def summarise(
    trials: Trials,
    *,
    planned: Iterable[Place] = (),
    same_data: Iterable[str] = (),
    seed: int = 0,
    resamples: int = 2000,
) -> ComparisonSummary:
    """Summarise every cell and compare every method with the reference.

    Args:
        trials: what is done.
        planned: what was to be done; if not given, every method on every task at the whole of the labels, with
            every seed that any trial has.
        same_data: tasks whose data set is the paper's own.
        seed: decides the resamples.
        resamples: how many.
    """
    places: dict[tuple[str, str, float], None] = dict.fromkeys(
        (one.method, one.task, one.fraction) for one in trials.trials
    )
    cells = {}
    for method, task, fraction in places:
        seeds = trials.of(method, task, fraction)
        wanted = None if fraction == 1.0 else headline_metrics(seeds[0].result)
        cells[method, task, fraction] = summarise_cell(seeds, intervals_of=wanted, seed=seed, resamples=resamples)
    return ComparisonSummary(
        trials=trials,
        cells=cells,
        against=compare_with_reference(trials, seed=seed, resamples=resamples),
        planned=_by_cell(list(planned) or _expected(trials)),
        same_data=frozenset(same_data),
        ablation=tuple(_ablation(trials, seed, resamples)),
    )


def _ablation(trials: Trials, seed: int, resamples: int) -> Iterable[AgainstReference]:
    if trials.ablation is not None:
        methods = trials.ablation.without, trials.ablation.complete
        for task in trials.tasks:
            yield from compare_methods(trials, methods, task, seed=seed, resamples=resamples)


def _expected(trials: Trials) -> Iterable[Place]:
    seeds = {one.seed for one in trials.trials}
    whole = {(method.name, task, 1.0) for method in trials.methods for task in trials.tasks}
    started = {(one.method, one.task, one.fraction) for one in trials.trials}
    return [(*place, seed) for place in whole | started for seed in seeds]


def _by_cell(planned: Iterable[Place]) -> dict[tuple[str, str, float], frozenset[int]]:
    found: dict[tuple[str, str, float], set[int]] = {}
    for method, task, fraction, seed in planned:
        found.setdefault((method, task, fraction), set()).add(seed)
    return {place: frozenset(seeds) for place, seeds in found.items()}
