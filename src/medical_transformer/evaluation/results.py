"""The result of an evaluation: the value that travels to the report and to disk."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from medical_transformer.errors import LeakageError
from medical_transformer.evaluation import result_files
from medical_transformer.evaluation.predictions import FoldResult, SubjectPrediction
from medical_transformer.evaluation.summary import MetricSummary, summarise

TASKS = ("classification", "regression", "segmentation")

__all__ = ["TASKS", "EvaluationResult", "FoldResult", "SubjectPrediction"]


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationResult:
    """Every test prediction of a cross-validation, with what is needed to judge and to repeat it.

    Attributes:
        task: `classification`, `regression` or `segmentation`.
        label: what was predicted, such as `age_years`.
        unit: unit of the label, empty where it has none.
        classes: names of the classes or regions, in the order of the model's outputs.
        primary_metric: the score that was chosen beforehand, such as `mae`.
        predictions: one per tested scan.
        folds: one per fold.
        parameters: trainable weights of the network.
        about: cohort, commit, command, seed, sentences on the protocol, ...
    """

    task: str
    label: str
    unit: str = ""
    classes: tuple[str, ...] = ()
    primary_metric: str
    predictions: tuple[SubjectPrediction, ...]
    folds: tuple[FoldResult, ...]
    parameters: int = 0
    about: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.task not in TASKS:
            raise ValueError(f"A task is one of {', '.join(TASKS)}, not {self.task!r}.")
        if not self.predictions or not self.folds:
            raise ValueError("A result needs at least one prediction and one fold.")
        self._check_scans()
        if self.task == "classification":
            self._check_classes()
        if self.task == "regression":
            self._check_numbers()

    @property
    def subjects(self) -> tuple[str, ...]:
        """Tested subjects, sorted, each once."""
        return tuple(sorted({one.subject for one in self.predictions}))

    def of_fold(self, fold: int) -> tuple[SubjectPrediction, ...]:
        """Return the predictions that one fold's model made."""
        return tuple(one for one in self.predictions if one.fold == fold)

    def summary(self, *, seed: int = 0, resamples: int = 2000) -> dict[str, MetricSummary]:
        """Return per score its mean and spread over folds and its interval over subjects, primary first."""
        found = summarise(self.task, self.predictions, self.folds, self.classes, seed=seed, resamples=resamples)
        first = {self.primary_metric: found[self.primary_metric]} if self.primary_metric in found else {}
        return first | found

    def save(self, folder: Path) -> None:
        """Write `predictions.tsv`, `metrics.json` and `result.json`."""
        result_files.save(self, folder)

    @classmethod
    def load(cls, folder: Path) -> "EvaluationResult":
        """Read what `save` wrote.

        Raises:
            ValueError: naming the file, if it is missing or damaged.
        """
        return cls(**result_files.read_fields(folder))

    def _check_scans(self) -> None:
        doubled = [name for name, count in Counter(one.scan for one in self.predictions).items() if count > 1]
        if doubled:
            raise ValueError(f"{len(doubled)} scans are predicted twice, such as {doubled[0]!r}.")
        pairs = {(one.subject, one.fold) for one in self.predictions}
        leaks = [name for name, count in Counter(subject for subject, _ in pairs).items() if count > 1]
        if leaks:
            raise LeakageError(f"{len(leaks)} subjects are tested in two folds, such as {min(leaks)!r}.")
        strays = {one.fold for one in self.predictions} - {fold.fold for fold in self.folds}
        if strays:
            raise ValueError(f"Predictions name fold {min(strays)}, but there is no such fold.")

    def _check_classes(self) -> None:
        for one in self.predictions:
            named = {one.prediction} | ({one.truth} if one.truth is not None else set())
            if not named <= set(self.classes):
                raise ValueError(f"Scan {one.scan!r}: {named} are not all among the classes {self.classes}.")
            if one.probabilities and set(one.probabilities) != set(self.classes):
                raise ValueError(f"Scan {one.scan!r}: probabilities are not of the classes {self.classes}.")

    def _check_numbers(self) -> None:
        for one in self.predictions:
            if isinstance(one.prediction, str) or isinstance(one.truth, str):
                raise ValueError(f"Scan {one.scan!r}: a regression needs numbers, not {one.truth!r}.")
