"""Preparing a whole cohort: in parallel, resumable, with a line of truth for every scan."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console

from medical_transformer.cohorts import Cohort, Entry, Ledger, Scan, Verdict
from medical_transformer.cohorts.ledger import line_of
from medical_transformer.preprocessing.announcing import announcement, summary
from medical_transformer.preprocessing.cluster import Lost, run_on_cluster
from medical_transformer.preprocessing.config import DEFAULT, PipelineConfig
from medical_transformer.preprocessing.derivatives import write_description
from medical_transformer.preprocessing.finished import keeping, recognise
from medical_transformer.preprocessing.folder import begin, finish
from medical_transformer.preprocessing.job import Job, Outcome, do, refuse
from medical_transformer.preprocessing.memory import choose_workers
from medical_transformer.preprocessing.modalities import leading_order
from medical_transformer.preprocessing.names import ScanFiles, refuse_shared_files
from medical_transformer.preprocessing.progress import scan_progress
from medical_transformer.preprocessing.quality_page import Row, write_quality_page
from medical_transformer.preprocessing.together import correct_pictures, with_doubles
from medical_transformer.preprocessing.workers import Died, run_each
from medical_transformer.volumes.claims import one_run

Runner = Callable[[Sequence[Job]], Iterator[tuple[int, Outcome | Died | Lost]]]


@dataclass(frozen=True, slots=True)
class Prepared:
    """A prepared cohort and what became of each scan.

    Attributes:
        cohort: the prepared scans, without the refused ones.
        ledger: the verdict on every scan.
        resumed: how many scans an earlier run had done already.
    """

    cohort: Cohort
    ledger: Ledger
    resumed: int = field(default=0, compare=False)


@one_run
def prepare(
    cohort: Cohort,
    out: Path,
    config: PipelineConfig = DEFAULT,
    *,
    workers: int | None = None,
    replace: bool = False,
    scheduler: str | None = None,
    console: Console | None = None,
) -> Prepared:
    """Prepare every scan of a cohort and write it as BIDS-Derivatives.

    A scan that is done already, by the same pipeline from the same bytes, is not done again; so a run that
    was interrupted is continued by running it again. A scan that fails does not stop the others.

    Args:
        cohort: raw scans.
        out: folder of the derivatives; also gets `cohort.tsv`, `cohort.json`, `ledger.tsv`, `pipeline.json`.
        config: the pipeline.
        workers: processes; by default as many as processors and memory allow. 0: in this process.
        replace: whether scans that another pipeline prepared in this folder may be prepared again. Until that is
            through, the folder is no prepared cohort.
        scheduler: address of a dask.distributed cluster, which then does the work instead of local processes.
        console: where progress goes.

    Returns:
        The prepared cohort, without refused scans, and the ledger of all.

    Raises:
        PreparationError: if two scans would be written to the same files, or the folder was prepared with other
            settings, which are named.
        ConfigError: if another run is writing there.
    """
    out = out.resolve()
    console = console or Console(stderr=True)
    refuse_shared_files(cohort.scans, config)
    begin(out, config, replace=replace)
    workers = min(choose_workers(config) if workers is None else workers, len(cohort))
    _say(console, announcement(cohort, config, workers, scheduler))

    write_description(out)
    root = cohort.root.resolve()
    jobs = [Job(scan, root, out, config) for scan in cohort.scans]
    alone = _run(jobs, out, _runner(workers, scheduler), console)
    outcomes = with_doubles(cohort, alone, out / "compared.json")
    correct_pictures(jobs, alone, outcomes, out / "ledger.tsv")

    prepared = _collect(cohort, out, config, outcomes)
    prepared.ledger.save(out / "ledger.tsv")
    write_quality_page(out / "quality.html", cohort.name, _rows(jobs, outcomes))
    prepared.cohort.save(out)
    finish(out, config)
    for line in summary(prepared.ledger, prepared.resumed, out):
        _say(console, line)
    return prepared


def _runner(workers: int, scheduler: str | None) -> Runner:
    """Return what does jobs and yields each one's place and outcome, or what became of its worker."""
    if scheduler is None:
        return lambda jobs: run_each(do, jobs, workers)
    return lambda jobs: run_on_cluster(do, jobs, scheduler)


def _run(jobs: Sequence[Job], out: Path, run: Runner, console: Console) -> dict[str, Outcome]:
    """Do what earlier runs have not done; every outcome is kept as soon as it is known."""
    known = recognise(jobs, out)
    outcomes = {jobs[place].scan.name: outcome for place, outcome in known.items()}
    for name, outcome in outcomes.items():
        _tell(console, name, outcome)
    left = [job for place, job in enumerate(jobs) if place not in known]
    with scan_progress(console) as progress, keeping(out) as keep:
        task = progress.add_task("preparing", total=len(jobs), completed=len(known))
        for place, result in run(left):
            job = left[place]
            outcome = result if isinstance(result, Outcome) else refuse(job, result.sentence)
            outcomes[job.scan.name] = outcome
            keep(job, outcome)
            _tell(progress.console, job.scan.name, outcome)
            progress.advance(task)
    return outcomes


def _tell(console: Console, name: str, outcome: Outcome) -> None:
    if outcome.verdict is not Verdict.PREPARED:
        _say(console, line_of(name, outcome.verdict, outcome.reason))


def _collect(cohort: Cohort, out: Path, config: PipelineConfig, outcomes: Mapping[str, Outcome]) -> Prepared:
    kept = (scan for scan in cohort.scans if outcomes[scan.name].verdict is not Verdict.REFUSED)
    scans = tuple(_prepared(scan, config, outcomes[scan.name].content_hash) for scan in kept)
    ledger = Ledger(tuple(_entry(scan, outcomes[scan.name]) for scan in cohort.scans))
    resumed = sum(outcome.resumed for outcome in outcomes.values())
    return Prepared(Cohort(cohort.name, out, scans), ledger, resumed)


def _entry(scan: Scan, outcome: Outcome) -> Entry:
    return Entry(scan.name, "scan", outcome.verdict, scan.subject, outcome.reason)


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


def _rows(jobs: Sequence[Job], outcomes: Mapping[str, Outcome]) -> list[Row]:
    """Return the scans of the quality page; one that could not be prepared has neither numbers nor a picture."""
    rows = []
    for job in jobs:
        name, one = job.scan.name, outcomes[job.scan.name]
        figure = ScanFiles.of(job.scan, job.config).figure.as_posix() if one.quality else ""
        rows.append(Row(name, one.verdict, one.reason, figure, one.quality))
    return rows


def _say(console: Console, line: str) -> None:
    console.print(line, soft_wrap=True, markup=False, highlight=False)
