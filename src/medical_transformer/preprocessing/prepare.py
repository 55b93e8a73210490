"""Preparing a whole cohort: in parallel, resumable, with a line of truth for every scan."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from medical_transformer.cohorts import Cohort, Entry, Ledger, Scan, Verdict
from medical_transformer.cohorts.hashing import hash_files
from medical_transformer.cohorts.tables import write_json
from medical_transformer.errors import MedicalTransformerError
from medical_transformer.preprocessing.config import DEFAULT, PipelineConfig
from medical_transformer.preprocessing.derivatives import (
    checksums,
    content_files,
    read_sidecar,
    versions,
    write_description,
    write_prepared,
    written_files,
)
from medical_transformer.preprocessing.memory import choose_workers, expected_memory_gb
from medical_transformer.preprocessing.modalities import leading_order
from medical_transformer.preprocessing.names import ScanFiles, refuse_shared_files
from medical_transformer.preprocessing.quality import judge
from medical_transformer.preprocessing.scan import prepare_scan
from medical_transformer.preprocessing.workers import Died, run_each


@dataclass(frozen=True, slots=True)
class Prepared:
    """A prepared cohort and what became of each scan."""

    cohort: Cohort
    ledger: Ledger


@dataclass(frozen=True, slots=True)
class _Job:
    scan: Scan
    root: Path
    out: Path
    config: PipelineConfig


@dataclass(frozen=True, slots=True)
class _Outcome:
    verdict: Verdict
    reason: str
    content_hash: str = ""
    resumed: bool = False


def prepare(
    cohort: Cohort,
    out: Path,
    config: PipelineConfig = DEFAULT,
    *,
    workers: int | None = None,
    console: Console | None = None,
) -> Prepared:
    """Prepare every scan of a cohort and write it as BIDS-Derivatives.

    A scan that is done already, by the same pipeline from the same bytes, is not done again; so a run that
    was interrupted is continued by running it again. A scan that fails does not stop the others. A folder that
    another pipeline prepared is no prepared cohort until this one is through.

    Args:
        cohort: raw scans.
        out: folder of the derivatives; also gets `cohort.tsv`, `cohort.json`, `ledger.tsv`, `pipeline.json`.
        config: the pipeline.
        workers: processes; by default as many as processors and memory allow. 0: in this process.
        console: where progress goes.

    Returns:
        The prepared cohort, without refused scans, and the ledger of all.

    Raises:
        PreparationError: if two scans would be written to the same files.
    """
    out = out.resolve()
    console = console or Console(stderr=True)
    refuse_shared_files(cohort.scans, config)
    workers = min(choose_workers(config) if workers is None else workers, len(cohort))
    console.print(
        f"Preparing {len(cohort)} scans of {cohort.name} with {workers or 'no'} workers, about "
        f"{max(workers, 1) * expected_memory_gb(config):.1f} GB of memory, pipeline {config.fingerprint()}.",
        soft_wrap=True,
        markup=False,
        highlight=False,
    )
    _withdraw_other_pipeline(out, config)
    write_description(out)
    jobs = [_Job(scan, cohort.root.resolve(), out, config) for scan in cohort.scans]
    outcomes = _run(jobs, workers, console)
    prepared = Prepared(_prepared_cohort(cohort, out, config, outcomes), _ledger(cohort, outcomes))
    _save(prepared, out, config)
    counts = prepared.ledger.counts("scan")
    console.print(
        ", ".join(f"{count} {verdict}" for verdict, count in sorted(counts.items())) + f" → {out}",
        soft_wrap=True,
        markup=False,
        highlight=False,
    )
    return prepared


def _withdraw_other_pipeline(out: Path, config: PipelineConfig) -> None:
    """Where another pipeline prepared the folder, take away what lets it be read; until the end it is a mixture."""
    path = out / "pipeline.json"
    if not path.is_file():
        return
    try:
        same = json.loads(path.read_text(encoding="utf-8"))["fingerprint"] == config.fingerprint()
    except (ValueError, KeyError, TypeError):
        same = False
    if not same:
        for name in ("pipeline.json", "cohort.tsv", "cohort.json"):
            (out / name).unlink(missing_ok=True)


def _run(jobs: Sequence[_Job], workers: int, console: Console) -> dict[str, _Outcome]:
    outcomes: dict[str, _Outcome] = {}
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("preparing", total=len(jobs))
        for index, result in run_each(_do, jobs, workers):
            name = jobs[index].scan.name
            outcome = _Outcome(Verdict.REFUSED, result.sentence) if isinstance(result, Died) else result
            outcomes[name] = outcome
            if outcome.verdict is Verdict.REFUSED:
                progress.console.print(f"{name}: {outcome.reason}", markup=False, highlight=False, soft_wrap=True)
            progress.advance(task)
    return outcomes


def _do(job: _Job) -> _Outcome:
    """Prepare one scan and write it; errors of this package become a refusal, others a crash of the run."""
    try:
        return _prepare_and_write(job)
    except (MedicalTransformerError, OSError) as error:
        return _Outcome(Verdict.REFUSED, str(error))


def _prepare_and_write(job: _Job) -> _Outcome:
    images = {word: job.root / path for word, path in leading_order(job.scan.images).items()}
    segmentation = None if job.scan.segmentation is None else job.root / job.scan.segmentation
    inputs = checksums(images if segmentation is None else {**images, "segmentation": segmentation})
    done = read_sidecar(job.scan, job.config, job.out)
    if done is not None and _is_current(done, inputs, job):
        return _outcome(job, Verdict(done["verdict"]), done["reason"], resumed=True)
    prepared = prepare_scan(images, job.config, segmentation=segmentation, name=job.scan.name)
    write_prepared(prepared, job.scan, job.out, inputs)
    return _outcome(job, prepared.verdict, prepared.reason, resumed=False)


def _is_current(done: Mapping[str, Any], inputs: Mapping[str, str], job: _Job) -> bool:
    """Tell whether a finished scan came from this pipeline and these bytes, is judged the same and still whole."""
    if done.get("fingerprint") != job.config.fingerprint() or done.get("inputs") != inputs:
        return False
    verdict = Verdict(done["verdict"])
    if judge(done["quality"]) != (verdict, done["reason"]):
        return False
    return all((job.out / path).is_file() for path in written_files(job.scan, job.config, verdict))


def _outcome(job: _Job, verdict: Verdict, reason: str, *, resumed: bool) -> _Outcome:
    if verdict is Verdict.REFUSED:
        return _Outcome(verdict, reason, resumed=resumed)
    hashed = hash_files(job.out / path for path in content_files(job.scan, job.config))
    return _Outcome(verdict, reason, hashed, resumed)


def _prepared_cohort(cohort: Cohort, out: Path, config: PipelineConfig, outcomes: Mapping[str, _Outcome]) -> Cohort:
    kept = (scan for scan in cohort.scans if outcomes[scan.name].verdict is not Verdict.REFUSED)
    return Cohort(cohort.name, out, tuple(_prepared(scan, config, outcomes[scan.name].content_hash) for scan in kept))


def _prepared(scan: Scan, config: PipelineConfig, content_hash: str) -> Scan:
    files = ScanFiles.of(scan, config)
    return Scan(
        subject=scan.subject,
        name=scan.name,
        images={word: files.image(word) for word in leading_order(scan.images)},
        session=scan.session,
        site=scan.site,
        segmentation=files.segmentation if scan.segmentation is not None else None,
        labels=scan.labels,
        source=scan.source,
        content_hash=content_hash,
    )


def _ledger(cohort: Cohort, outcomes: Mapping[str, _Outcome]) -> Ledger:
    def entries() -> Iterable[Entry]:
        for scan in cohort.scans:
            outcome = outcomes[scan.name]
            yield Entry(scan.name, "scan", outcome.verdict, scan.subject, outcome.reason)

    return Ledger(tuple(entries()))


def _save(prepared: Prepared, out: Path, config: PipelineConfig) -> None:
    prepared.ledger.save(out / "ledger.tsv")
    described = {"fingerprint": config.fingerprint(), "config": config.model_dump(mode="json")}
    write_json(out / "pipeline.json", {**described, "versions": versions()})
    prepared.cohort.save(out)
