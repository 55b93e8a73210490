"""Verdicts that a scan has only among others: that it is there twice, under the names of two subjects."""

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from medical_transformer.cohorts import Cohort, Ledger, Verdict
from medical_transformer.preprocessing.caption import Caption, recaptioned
from medical_transformer.preprocessing.doubles import find_copies, find_doubles
from medical_transformer.preprocessing.job import Job, Outcome
from medical_transformer.volumes.whole_files import write_bytes

Outcomes = Mapping[str, Outcome]


def with_doubles(cohort: Cohort, outcomes: Outcomes, kept: Path) -> dict[str, Outcome]:
    """Warn of scans of different subjects that seem to be one.

    Args:
        cohort: the scans.
        outcomes: scan to what became of it alone.
        kept: the file that keeps what was compared for the next run.
    """
    signed = {name: np.frombuffer(one.signature, np.int8) for name, one in outcomes.items() if one.signature}
    subjects = {scan.name: scan.subject for scan in cohort.scans}
    copies = find_copies({name: one.content_hash for name, one in outcomes.items() if not one.signature}, subjects)
    warned = dict(outcomes)
    for pair in (*copies, *find_doubles(signed, subjects, kept)):
        for name in (pair.one, pair.other):
            reason = f"{warned[name].reason} {pair.sentence(name)}".strip()
            warned[name] = dataclasses.replace(warned[name], verdict=Verdict.WARNED, reason=reason)
    return warned


def correct_pictures(jobs: Sequence[Job], alone: Outcomes, together: Outcomes, earlier: Path) -> None:
    """Let each picture say what the ledger will say; it was drawn when the scan was known alone.

    Args:
        jobs: the scans.
        alone: scan to what became of it alone.
        together: scan to what became of it among the others.
        earlier: the ledger of the last run, if there was one: a double that was taken away is none any more.
    """
    before = {entry.item: entry.reason for entry in Ledger.load(earlier).entries} if earlier.is_file() else {}
    for job in jobs:
        name = job.scan.name
        now, own = together[name], alone[name].reason
        said_before = before.get(name, own) if now.resumed else own
        if now.quality and {own, said_before} != {now.reason} and job.figure.is_file():
            caption = Caption(name, now.verdict, now.reason, now.quality)
            write_bytes(job.figure, recaptioned(job.figure.read_bytes(), caption))
