"""`medtrans compare`: the paper's whole evaluation from one experiment file."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from medical_transformer.cohorts.folds import save_folds
from medical_transformer.cohorts.tables import write_json
from medical_transformer.errors import ConfigError
from medical_transformer.evaluation import Trials
from medical_transformer.experiments.comparison.ablation import ablation_of
from medical_transformer.experiments.comparison.audit import audit
from medical_transformer.experiments.comparison.collecting import collect, protocol
from medical_transformer.experiments.comparison.config import ComparisonConfig
from medical_transformer.experiments.comparison.facts import facts_about_methods
from medical_transformer.experiments.comparison.fitting import check_heads, check_starts
from medical_transformer.experiments.comparison.grid import Done, Job, Where, run_jobs
from medical_transformer.experiments.comparison.opening import OpenTask, open_task
from medical_transformer.experiments.comparison.progress import GridProgress
from medical_transformer.experiments.comparison.running import finished
from medical_transformer.experiments.comparison.setup import set_up
from medical_transformer.experiments.comparison.side_by_side import draw_methods
from medical_transformer.experiments.comparison.starts import Pretraining, encoder_of, pretraining_of
from medical_transformer.experiments.comparison.units import Unit, all_units
from medical_transformer.reporting.comparison import write_comparison
from medical_transformer.volumes.claims import one_shared_run


@dataclass(frozen=True, slots=True)
class Compared:
    """What a comparison leaves.

    Attributes:
        trials: every finished trial.
        page: the page with all tables.
        failed: what could not be done, and why.
        units: how many units the grid has.
        resumed: how many of them had been done before.
    """

    trials: Trials
    page: Path
    failed: tuple[Done, ...]
    units: int
    resumed: int


@one_shared_run
def compare(config: ComparisonConfig, out: Path, *, workers: int = 0, scheduler: str | None = None) -> Compared:
    """Train and test every method of an experiment file, and put them side by side.

    Units that are done are not done again: a run that was killed goes on, and a method that is added to the file
    computes only what is new.

    Args:
        config: the experiment file's value, with paths as they are seen from here.
        out: gets a folder per unit, `config.json`, `folds-TASK.tsv`, and the tables.
        workers: processes of one thread each; 0 works here, with all threads.
        scheduler: address of a dask.distributed cluster, which then does the work.

    Raises:
        LeakageError: if an honest number cannot come of it; found before anything is trained.
        CohortError: if a task's label or cohort is not there.
        ConfigError: if nothing could be done, a method's start is of another backbone or size, or a head that
            shall be fitted cannot be.
        WeightsError: if a file of weights cannot be had, or is of another network.
    """
    check_starts(config)
    tasks = {name: open_task(config, name) for name in config.tasks}
    check_heads(config, tasks.values())
    told = audit(config, tasks.values())
    for name, task in tasks.items():
        save_folds(task.folds, out / f"folds-{name}.tsv")
    write_json(out / "config.json", config.model_dump(mode="json"))
    units = list(all_units(config))
    done = [unit for unit in units if _is_done(config, tasks[unit.task], unit, out)]
    left = [unit for unit in units if unit not in set(done)]
    failed = _work(config, tasks, left, out, Where(workers, scheduler))
    trials = collect(config, tasks, units, out)
    if not trials:
        raise ConfigError("Nothing could be done. " + " ".join(f"{one.work}: {one.reason}" for one in failed))
    compared = Trials(
        title=config.title,
        reference=config.reference,
        methods=facts_about_methods(config, trials),
        trials=trials,
        about=protocol(config, tasks, told),
        ablation=ablation_of(config),
    )
    page = _write(config, compared, tasks, units, out)
    return Compared(compared, page, failed, len(units), len(done))


def _write(config: ComparisonConfig, trials: Trials, tasks: dict[str, OpenTask], units: list[Unit], out: Path) -> Path:
    """Write the tables and their page."""
    cohorts = {task.labelled.name: task.labelled for task in tasks.values()}
    return write_comparison(
        trials,
        out,
        cohorts=list(cohorts.values()),
        overlays=[picture for task in tasks.values() for picture in draw_methods(trials, task, out)],
        planned=dict.fromkeys((unit.method, unit.task, unit.fraction, unit.seed) for unit in units),
        same_data=config.same_data,
    )


def _is_done(config: ComparisonConfig, task: OpenTask, unit: Unit, out: Path) -> bool:
    encoder = encoder_of(config, task, unit, out)
    if encoder is not None and not (encoder / "config.json").is_file():
        return False
    return finished(set_up(config, task, unit, out)) is not None


def _work(
    config: ComparisonConfig, tasks: dict[str, OpenTask], units: list[Unit], out: Path, where: Where
) -> tuple[Done, ...]:
    """Do the pre-trainings, then the units, and return what failed."""
    starts = {unit: pretraining_of(config, tasks[unit.task], unit) for unit in units}
    before = dict.fromkeys(start for start in starts.values() if start is not None)
    with GridProgress(len(before) + len(units)) as progress:

        def run(work: Iterable[Pretraining | Unit]) -> list[Done]:
            jobs = [Job(config, out, one) for one in work]
            return [progress.done(outcome) for outcome in run_jobs(jobs, where, progress.epoch)]

        lost = {outcome.work: outcome.reason for outcome in run(before) if outcome.reason}
        orphans = [Done(unit, f"its {start} failed") for unit, start in starts.items() if start in lost]
        ended = run(unit for unit in units if starts[unit] not in lost)
    lost_starts = [Done(work, reason) for work, reason in lost.items()]
    return tuple(one for one in (*lost_starts, *orphans, *ended) if one.reason)
