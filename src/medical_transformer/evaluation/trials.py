"""Many evaluations side by side: the value that travels from a comparison of methods to its tables."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from medical_transformer.evaluation.results import EvaluationResult


def often(chosen: Mapping[str, int]) -> str:
    """Write how often each was chosen, the most frequent first: `learning rate 0.001 (4 times), ...`."""
    ranked = sorted(chosen.items(), key=lambda one: (-one[1], one[0]))
    return ", ".join(f"{one} ({times} time{'' if times == 1 else 's'})" for one, times in ranked)


@dataclass(frozen=True, slots=True, kw_only=True)
class MethodFacts:
    """What a table says of a method beside its scores.

    Attributes:
        name: as experiment files call it, such as `transfer`.
        title: as tables print it.
        group: the kind of pre-training that heads its rows, such as `none`, `supervised` or `self-supervised`.
        parameters: trainable weights per task; empty for a method that trains no network.
        printed: what the paper's Table 3 prints for a network of this size, in millions per kind of task; empty where
            it counted none.
        notes: what was searched, loaded, or differs from the publication; a sentence each.
    """

    name: str
    title: str
    group: str = "none"
    parameters: Mapping[str, int] = field(default_factory=dict)
    printed: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One cross-validation of one method: all folds of one task, one share of the labels and one seed.

    Attributes:
        method: name of the method.
        task: name of the task in the experiment file, such as `brain-age`.
        fraction: share of the training subjects' labels that was used.
        seed: decided initial weights and draws; folds are the same for all seeds.
        result: every test prediction.
    """

    method: str
    task: str
    fraction: float
    seed: int
    result: EvaluationResult

    def __post_init__(self) -> None:
        if not 0 < self.fraction <= 1:
            raise ValueError(f"The share of the labels lies in (0, 1]; got {self.fraction}.")

    @property
    def chosen(self) -> tuple[str, ...]:
        """What the validation part of each fold chose, such as `learning rate 0.001`; empty where nothing."""
        return tuple(one for one in self.result.about.get("searched", "").split("; ") if one)


@dataclass(frozen=True, slots=True)
class Ablation:
    """Two methods that tell what a part of a network adds.

    Attributes:
        complete: name of the method with the part.
        without: name of the method without it.
        alike: whether nothing else tells them apart.
    """

    complete: str
    without: str
    alike: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Trials:
    """All trials of a comparison.

    Attributes:
        title: what the comparison is about.
        reference: name of the method that the others are compared with.
        methods: facts about each method, in the order of the tables.
        trials: all finished trials; any order.
        about: protocol, versions, commit, audit; a sentence under each name.
        ablation: the network with and without transformer (Table 5); None where that was not tried.
    """

    title: str
    reference: str
    methods: tuple[MethodFacts, ...]
    trials: tuple[Trial, ...]
    about: Mapping[str, str] = field(default_factory=dict)
    ablation: Ablation | None = None

    def __post_init__(self) -> None:
        known = {method.name for method in self.methods}
        named = {self.ablation.complete, self.ablation.without} if self.ablation else set()
        strangers = ({trial.method for trial in self.trials} | named) - known
        if strangers or self.reference not in known:
            raise ValueError(f"No facts are given about {min(strangers, default=self.reference)!r}.")
        places = [(trial.method, trial.task, trial.fraction, trial.seed) for trial in self.trials]
        if len(set(places)) < len(places):
            raise ValueError("Two trials have the same method, task, share of the labels and seed.")

    @property
    def tasks(self) -> tuple[str, ...]:
        """Names of the tasks, in the order in which they first appear."""
        return tuple(dict.fromkeys(trial.task for trial in self.trials))

    @property
    def fractions(self) -> tuple[float, ...]:
        """Shares of the labels, ascending."""
        return tuple(sorted({trial.fraction for trial in self.trials}))

    def of(self, method: str, task: str, fraction: float = 1.0) -> tuple[Trial, ...]:
        """Return the trials of all seeds of one method on one task."""
        return tuple(sorted(self._matching(method, task, fraction), key=lambda trial: trial.seed))

    def _matching(self, method: str, task: str, fraction: float) -> Iterator[Trial]:
        for trial in self.trials:
            if (trial.method, trial.task, trial.fraction) == (method, task, fraction):
                yield trial
