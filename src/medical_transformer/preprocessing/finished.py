"""What earlier runs finished, in one file of the prepared folder: 50,000 scans are recognised without opening one.

A line per scan, added when the scan is done, holds the outcome, and size and time of change of every input. Where these
are unchanged, the bytes are taken to be. A scan without a line, or with other sizes or times, is looked at by a worker,
which compares the checksums of its sidecar.
"""

import json
import os
from base64 import b64decode, b64encode
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any, Protocol, TextIO

from medical_transformer.cohorts import Verdict
from medical_transformer.preprocessing.config import PipelineConfig
from medical_transformer.preprocessing.derivatives import written_files
from medical_transformer.preprocessing.job import Job, Outcome
from medical_transformer.preprocessing.quality import judge
from medical_transformer.volumes import Address
from medical_transformer.volumes.whole_files import write_bytes

NAME = "finished.jsonl"
KEYS = frozenset({"scan", "fingerprint", "inputs", "verdict", "reason", "content_hash", "quality", "signature"})
VERDICTS = frozenset(map(str, Verdict))


class Keep(Protocol):
    """Adds the line of a scan."""

    def __call__(self, job: Job, outcome: Outcome) -> None:
        """Write down what became of a job."""


def recognise(jobs: Sequence[Job], out: Path) -> dict[int, Outcome]:
    """Return the outcomes of the jobs that are done and unchanged, by their place."""
    lines = _read(out / NAME)
    found = ((place, _outcome(lines[job.scan.name], job)) for place, job in enumerate(jobs) if job.scan.name in lines)
    return {place: outcome for place, outcome in found if outcome is not None}


@contextmanager
def keeping(out: Path) -> Iterator[Keep]:
    """Offer what adds a line per finished scan; earlier lines stay, and doubled ones go."""
    with ExitStack() as opened:
        file: TextIO | None = None  # opened for the first line: where all is done, 250 MB need not be written again

        def keep(job: Job, outcome: Outcome) -> None:
            nonlocal file
            line = _line(job, outcome)
            file = file or opened.enter_context(_tidied(out / NAME).open("a", encoding="utf-8"))
            file.write(json.dumps(line) + "\n")
            file.flush()

        yield keep


def _tidied(path: Path) -> Path:
    """Write the lines again without those that are doubled or damaged."""
    write_bytes(path, "".join(f"{json.dumps(line)}\n" for line in _read(path).values()).encode())
    return path


@cache
def _fingerprint(config: PipelineConfig) -> str:
    """Return the fingerprint, computed once for all scans."""
    return config.fingerprint()


def _read(path: Path) -> dict[str, dict[str, Any]]:
    """Return the last line of each scan; one that is damaged is left out, and a worker looks at its scan."""
    if not path.is_file():
        return {}
    lines: dict[str, dict[str, Any]] = {}
    with path.open(encoding="utf-8", errors="replace") as file:
        for text in file:
            line = _parsed(text)
            if line is not None:
                lines[line["scan"]] = line
    return lines


def _parsed(text: str) -> dict[str, Any] | None:
    """Return what a line holds; nothing where it was cut off or damaged."""
    try:
        line = json.loads(text)
    except ValueError:
        return None
    whole = isinstance(line, dict) and line.keys() >= KEYS and str(line["verdict"]) in VERDICTS
    return line if whole else None


def _line(job: Job, outcome: Outcome) -> dict[str, Any]:
    """Return the line of a scan; without inputs where these are gone or no use, so that it is looked at next time."""
    inputs: dict[str, list[str | int]] = {}
    if outcome.quality:
        with suppress(OSError):
            inputs = _states(job.inputs())
    return {
        "scan": job.scan.name,
        "fingerprint": _fingerprint(job.config),
        "inputs": inputs,
        "verdict": str(outcome.verdict),
        "reason": outcome.reason,
        "content_hash": outcome.content_hash,
        "quality": {word: round(value, 6) for word, value in outcome.quality.items()},
        "signature": b64encode(outcome.signature).decode(),
    }


def _outcome(line: Mapping[str, Any], job: Job) -> Outcome | None:
    """Return the outcome that a line tells, unless something has changed since."""
    verdict, reason = Verdict(line["verdict"]), line["reason"]
    if line["fingerprint"] != _fingerprint(job.config) or judge(line["quality"]) != (verdict, reason):
        return None
    try:
        if line["inputs"] != _states(job.inputs()):
            return None
        for path in written_files(job.scan, job.config, verdict):
            os.stat(f"{job.out}/{path}")  # noqa: PTH116 - as text: making a Path takes longer than asking the disk
    except OSError:
        return None
    signed = b64decode(line["signature"])
    return Outcome(verdict, reason, line["content_hash"], line["quality"], resumed=True, signature=signed)


def _states(paths: Mapping[str, Path]) -> dict[str, list[str | int]]:
    """Return each image's name with its address, and size in bytes and time of change in nanoseconds of its files.

    Raises:
        OSError: if one is missing.
    """
    states: dict[str, list[str | int]] = {}
    for word, path in paths.items():
        found = [file.stat() for file in Address.parse(path).files]
        states[word] = [path.name, *(number for one in found for number in (one.st_size, one.st_mtime_ns))]
    return states
