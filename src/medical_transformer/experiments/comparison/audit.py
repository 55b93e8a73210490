"""Leaks: what would make a comparison's numbers too good, looked for before anything is trained."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from medical_transformer.errors import LeakageError
from medical_transformer.experiments.comparison.config import ComparisonConfig, NetworkMethod, ProbeMethod
from medical_transformer.experiments.comparison.opening import OpenTask
from medical_transformer.experiments.seen import seen_subjects
from medical_transformer.tasks import TaskModel, find_model, load_model


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that a reader must know, or that stops the run.

    Attributes:
        sentence: what was found, and what to do.
        forbids: whether no honest number can come of it.
    """

    sentence: str
    forbids: bool = False


def audit(config: ComparisonConfig, tasks: Iterable[OpenTask]) -> tuple[str, ...]:
    """Look for leaks, and return what a reader must know.

    Looked for: the same image under two subjects' names; an encoder that saw the labels or the scans of tested
    subjects, by their names and by the bytes of their scans.

    Raises:
        LeakageError: naming every leak that no honest number can come of.
    """
    opened = list(tasks)
    findings = [found for task in opened for found in _same_images(task)]
    findings += [found for name, encoder in _encoders(config) for found in _seen(config, name, encoder, opened)]
    findings += _pretrained_on_all(config)
    forbidden = [found.sentence for found in findings if found.forbids]
    if forbidden:
        raise LeakageError(" ".join(forbidden))
    return tuple(found.sentence for found in findings)


def _same_images(task: OpenTask) -> Iterable[Finding]:
    """Find images that stand under two subjects' names, by their bytes."""
    subjects: dict[str, set[str]] = defaultdict(set)
    for scan in task.labelled.scans:
        if scan.content_hash:
            subjects[scan.content_hash].add(scan.subject)
    for names in subjects.values():
        if len(names) > 1:
            yield Finding(
                f"Task {task.name!r}: subjects {' and '.join(sorted(names))} have the same image; give both one name, "
                "or leave one out.",
                forbids=True,
            )


def _encoders(config: ComparisonConfig) -> Iterable[tuple[str, Path]]:
    for name, method in config.methods.items():
        if isinstance(method, NetworkMethod | ProbeMethod) and method.encoder is not None:
            yield name, method.encoder


def _seen(config: ComparisonConfig, method: str, folder: Path, tasks: Iterable[OpenTask]) -> Iterable[Finding]:
    """Find tested subjects among those that a given encoder was trained on."""
    saved = load_model(find_model(folder))
    labelled = isinstance(saved.network, TaskModel)
    for task in tasks:
        seen = seen_subjects(saved, task.labelled)
        if not seen:
            continue
        what = f"labels and scans of {len(seen)}" if labelled else f"scans, without labels, of {len(seen)}"
        told = f"Method {method!r}: its encoder {folder} saw {what} tested subjects of task {task.name!r}"
        if labelled:
            yield Finding(f"{told}, such as {min(seen)}; take an encoder that was trained without them.", forbids=True)
        elif config.allow_seen_scans:
            yield Finding(f"{told}.")
        else:
            yield Finding(
                f"{told}, such as {min(seen)}; name a pre-training in the experiment file, which leaves them out, or "
                "allow it with `allow_seen_scans: true`, and the tables will say so.",
                forbids=True,
            )


def _pretrained_on_all(config: ComparisonConfig) -> Iterable[Finding]:
    for name, entry in config.pretraining.items():
        if entry.subjects == "all" and not config.allow_seen_scans:
            yield Finding(
                f"Pre-training {name!r} is told to learn from all subjects, the tested ones too; say `subjects: "
                "training`, or allow it with `allow_seen_scans: true`, and the tables will say so.",
                forbids=True,
            )
        elif entry.subjects == "all":
            yield Finding(f"Pre-training {name!r} saw the scans of tested subjects, without labels.")
