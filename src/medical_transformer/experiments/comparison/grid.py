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
from medical_transformer.preprocessing.workers import Died, run_each
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


def run_jobs(jobs: Sequence[Job], workers: int, on_epoch: Callable[[EpochRecord], None] | None) -> Iterator[Done]:
    """Do jobs and tell of each when it is done.

    Args:
        jobs: what is to be done; none needs another one of them.
        workers: processes of one thread each; 0 works here, with all threads, and shows epochs.
        on_epoch: called after each epoch where the work is done here.
    """
    if workers == 0:
        for job in jobs:
            yield do(job, on_epoch)
        return
    for index, outcome in run_each(do, jobs, workers):
        yield Done(jobs[index].work, outcome.sentence) if isinstance(outcome, Died) else outcome


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
