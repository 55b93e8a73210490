"""The statement of protocol that reviewers ask for, with its blanks."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from medical_transformer.evaluation import FAMILY, EvaluationResult
from medical_transformer.reporting import words
from medical_transformer.reporting.comparison.summary import ComparisonSummary
from medical_transformer.reporting.comparison.wording import missing_words, task_name

BLANK = "Not stated."

# What TRIPOD+AI (Collins et al., BMJ 2024) and CLAIM (Tejani et al., Radiology: AI 2024) ask for, in our words, and the
# names under which a comparison may say it.
ASKED: Mapping[str, tuple[str, ...]] = {
    "Question and objective": ("objective", "question"),
    "Data sources, dates and sites": ("data", "cohort", "cohorts"),
    "Who was eligible, who was left out": ("eligibility", "excluded", "ledger"),
    "Ethics and consent": ("ethics",),
    "Preparation of the scans": ("preparation", "pipeline", "grid"),
    "Definition of the outcome, and who rated it": ("outcome", "labels"),
    "Missing data": ("missing",),
    "Why so many subjects": ("sample size", "sample_size"),
    "Initial weights and pre-training": ("start", "pre-training", "pretraining"),
    "Training": ("training",),
    "What was searched, and on which part": ("search", "searched", "tuning"),
    "Class imbalance": ("imbalance",),
    "Fairness between groups of people": ("fairness",),
    "Test on another cohort": ("external", "external test"),
    "Software and hardware": ("version", "versions", "software", "hardware"),
    "Code, data and models": ("commit", "code", "availability"),
    "Protocol and registration": ("registration", "protocol"),
    "Funding and interests": ("funding",),
}


@dataclass(frozen=True, slots=True)
class Statement:
    """One item of the protocol.

    Attributes:
        item: what reviewers ask for.
        said: sentences; none where the trials do not say it.
    """

    item: str
    said: tuple[str, ...]

    @property
    def text(self) -> str:
        """What is said, or that nothing is."""
        return " ".join(self.said) or BLANK


@dataclass(frozen=True, slots=True)
class FoldMembers:
    """Who was tested in which fold of a task.

    Attributes:
        task: title of the task.
        verdict: whether any subject crossed from one part to another, in a sentence.
        folds: number of the fold and its subjects.
        crossed: whether something is wrong.
    """

    task: str
    verdict: str
    folds: tuple[tuple[int, tuple[str, ...]], ...]
    crossed: bool


def statements(summary: ComparisonSummary) -> list[Statement]:
    """Return every item that is asked for, what the trials say of it, and then what else they say."""
    said = _said(summary)
    known = {name for names in ASKED.values() for name in names}
    asked = [
        Statement(item, tuple(dict.fromkeys(sentence for name in names for sentence in said.get(name, ()))))
        for item, names in ASKED.items()
    ]
    others = [
        Statement(name.replace("_", " ").capitalize(), tuple(sentences))
        for name, sentences in said.items()
        if name not in known and name not in {"split", "seed"}
    ]
    return [*_counted(summary, said), *asked, *_methods(summary), *others]


def members(summary: ComparisonSummary, task: str) -> FoldMembers:
    """Return who was tested in which fold, after checking it in every trial of the task."""
    trials = [one for one in summary.trials.trials if one.task == task]
    placed: dict[str, set[int]] = {}
    for one in (prediction for trial in trials for prediction in trial.result.predictions):
        placed.setdefault(one.subject, set()).add(one.fold)
    moved = sorted(subject for subject, folds in placed.items() if len(folds) > 1)
    leaked = sorted({subject for trial in trials for subject in _validated_and_tested(trial.result)})
    kept = all(fold.validation for trial in trials for fold in trial.result.folds)
    verdict = _verdict((len(trials), len(placed)), moved, leaked, kept=kept)
    numbers = sorted({fold for folds in placed.values() for fold in folds})
    folds = tuple((number, tuple(sorted(who for who, at in placed.items() if number in at))) for number in numbers)
    return FoldMembers(task_name(task), verdict, folds, bool(moved or leaked))


def _said(summary: ComparisonSummary) -> dict[str, list[str]]:
    """Collect what the comparison and its trials say, under lower-case names; each sentence once."""
    found: dict[str, dict[str, None]] = {}
    sources = [summary.trials.about, *(one.result.about for one in summary.trials.trials)]
    for about in sources:
        for name, text in about.items():
            # What each fold chose says nothing without its method; `_methods` counts it under that.
            if name != "identity" and text and not (name == "searched" and about is not summary.trials.about):
                found.setdefault(name.lower(), {})[f"{text.rstrip('.')}."] = None
    return {name: list(texts) for name, texts in found.items()}


def _counted(summary: ComparisonSummary, said: Mapping[str, list[str]]) -> Iterator[Statement]:
    yield Statement("Subjects tested", tuple(_tested(summary, task) for task in summary.trials.tasks))
    split = said.get("split", [])
    checked = [f"{members(summary, task).task}: {members(summary, task).verdict}" for task in summary.trials.tasks]
    yield Statement("Assignment to parts, and the level at which they are disjoint", (*split, *checked))
    seeds = sorted({one.seed for one in summary.trials.trials})
    numbers = ", ".join(map(str, seeds))
    repeated = f"{words.counted(len(seeds), 'seed')} ({numbers}) of initial weights and draws, on the same folds."
    yield Statement("Repetitions", tuple(one for one in (repeated, missing_words(summary)) if one))
    yield Statement(
        "Measures of performance, uncertainty and significance",
        (
            "Mean and standard deviation over folds and seeds; 95 % bootstrap intervals (BCa) over subjects of scores "
            "averaged over seeds; paired differences to the reference with the corrected resampled t-test and "
            f"Holm's correction over {FAMILY}.",
        ),
    )


def _tested(summary: ComparisonSummary, task: str) -> str:
    cells = [cell for (_, name, _), cell in summary.cells.items() if name == task]
    most = max(cells, key=lambda cell: cell.subjects)
    folds = max(max(cell.folds) for cell in cells)
    scans = words.counted(most.scans, "scan")
    return f"{task_name(task)}: {words.counted(most.subjects, 'subject')} ({scans}), {words.counted(folds, 'fold')}."


def _methods(summary: ComparisonSummary) -> Iterator[Statement]:
    for method in summary.trials.methods:
        yield Statement(f"Method: {method.title}", tuple(method.notes))


def _validated_and_tested(result: EvaluationResult) -> set[str]:
    return {
        one.subject
        for fold in result.folds
        for one in fold.validation
        if one.subject in {tested.subject for tested in result.of_fold(fold.fold)}
    }


def _verdict(counts: tuple[int, int], moved: list[str], leaked: list[str], *, kept: bool) -> str:
    """Say what was found in so many trials of so many subjects; `kept`: every fold kept its validation answers."""
    trials, subjects = counts
    if leaked:
        count = words.counted(len(leaked), "subject")
        return f"{count} stood in a validation part and its test part, such as {leaked[0]}."
    if moved:
        return (
            f"the folds differ between trials: {words.counted(len(moved), 'subject')} tested in more than one fold, "
            f"such as {moved[0]}; differences between methods hold differences between folds."
        )
    validated = (
        "none stands in the validation part of a fold that tests it"
        if kept
        else "who validated was not kept in every fold and could not be checked"
    )
    return f"each of the {subjects} subjects is tested in one fold, the same in all {trials} trials; {validated}."
