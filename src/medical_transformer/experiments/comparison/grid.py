"""Running the grid: unit after unit, here or on workers; one that fails does not stop the others."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from medical_transformer.errors import MedicalTransformerError
from medical_transformer.experiments.comparison.config import ComparisonConfig
from medical_transformer.experiments.comparison.opening import open_task
from medical_transformer.experiments.comparison.running import run_unit
from medical_transformer.experiments.comparison.setup import set_up
from medical_transformer.experiments.comparison.starts import Pretraining, run_pretraining
from medical_transformer.experiments.comparison.units import Unit
from medical_transformer.preprocessing.cluster import run_on_cluster
from medical_transformer.preprocessing.workers import run_each
from medical_transformer.training import EpochRecord


@dataclass(frozen=True, slots=True)
class Job:
    """A piece of a comparison, as it travels to a worker.

    Attributes:
        config: the experiment file.
        out: the comparison's folder.
        work: a pre-training, or a unit.
    """

    config: ComparisonConfig
    out: Path
    work: Pretraining | Unit


@dataclass(frozen=True, slots=True)
class Done:
    """What became of a job.

    Attributes:
        work: what was to be done.
        reason: why it failed; empty where it did not.
    """

    work: Pretraining | Unit
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Where:
    """Where the work is done.

    Attributes:
        workers: processes of one thread each; 0 works here, with all threads.
        scheduler: address of a dask.distributed cluster, which then does the work.
    """

    workers: int = 0
    scheduler: str | None = None


HERE = Where()


def run_jobs(
    jobs: Sequence[Job], where: Where = HERE, on_epoch: Callable[[EpochRecord], None] | None = None
) -> Iterator[Done]:
    """Do jobs and tell of each when it is done.

    Args:
        jobs: what is to be done; none needs another one of them.
        where: this process, others, or a cluster.
        on_epoch: called after each epoch where the work is done here.
    """
    if where.scheduler is None and where.workers == 0:
        yield from (do(job, on_epoch) for job in jobs)
        return
    if where.scheduler is None:
        outcomes = run_each(do, jobs, where.workers)
    else:
        outcomes = run_on_cluster(do, jobs, where.scheduler)
    for index, outcome in outcomes:
        yield outcome if isinstance(outcome, Done) else Done(jobs[index].work, outcome.sentence)


def do(job: Job, on_epoch: Callable[[EpochRecord], None] | None = None) -> Done:
    """Do one job; an error of this package becomes its reason."""
    try:
        if isinstance(job.work, Pretraining):
            run_pretraining(job.config, job.work, job.out)
        else:
            run_unit(set_up(job.config, open_task(job.config, job.work.task), job.work, job.out), on_epoch)
    except MedicalTransformerError as error:
        return Done(job.work, str(error))
    return Done(job.work)
