"""The answer to one request: what a person reads in the JSON and in the table."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from medical_transformer.cohorts.tables import write_json, write_table


class Status(StrEnum):
    """Whether a scan was answered, answered with a warning, or refused."""

    ANSWERED = "answered"
    WARNED = "warned"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """One scan's answer.

    Attributes:
        scan: the input's file name (the scan's name for several modalities).
        subject: who was scanned, as far as the input says.
        status: whether there is an answer.
        reason: one sentence, for a warning or a refusal.
        answers: the answers, each under a name that carries its unit.
        quality: numbers of the preparation.
        input: the paths that were read, as they were given.
        files: files written for this scan, relative to the output folder.
        seconds: that it took.
    """

    scan: str
    subject: str
    status: Status
    reason: str = ""
    answers: Mapping[str, float | str] = field(default_factory=dict)
    quality: Mapping[str, float] = field(default_factory=dict)
    input: Mapping[str, str] = field(default_factory=dict)
    files: tuple[str, ...] = ()
    seconds: float = 0.0

    def save(self, path: Path, model: Mapping[str, Any]) -> None:
        """Write the answer as JSON, with the model that gave it."""
        write_json(
            path,
            {
                "scan": self.scan,
                "subject": self.subject,
                "status": self.status.value,
                "reason": self.reason,
                "answers": dict(self.answers),
                "quality": {name: float(value) for name, value in self.quality.items()},
                "input": dict(self.input),
                "files": list(self.files),
                "seconds": round(self.seconds, 2),
                "model": dict(model),
            },
        )


def write_answers(answers: Sequence[Answered], path: Path) -> None:
    """Write `predictions.tsv`: a row per scan, a column per answer."""
    names = tuple(dict.fromkeys(name for answer in answers for name in answer.answers))
    rows = (
        [
            answer.scan,
            answer.subject,
            *(_shown(answer.answers.get(name, "")) for name in names),
            answer.status.value,
            answer.reason,
        ]
        for answer in answers
    )
    write_table(path, ("scan", "subject", *names, "status", "reason"), rows)


def _shown(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:.4f}"
