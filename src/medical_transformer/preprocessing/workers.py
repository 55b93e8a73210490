"""Worker processes that each do one job at a time; one that dies takes only its job with it."""

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from typing import Any

THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS",
)


GRACE_SECONDS = 10.0
# By which the parent asks a worker to leave. A cluster sends SIGTERM to parent and workers alike; if the parent sent it
# once more, workers would take it for a second one and leave their temporary folders behind.
ASKED = getattr(signal, "SIGUSR1", signal.SIGTERM)


@dataclass(frozen=True, slots=True)
class Died:
    """A worker that ended in the middle of a job.

    Attributes:
        exit_code: what the process left; negative for a signal.
    """

    exit_code: int

    @property
    def sentence(self) -> str:
        """Say what happened."""
        if self.exit_code == -signal.SIGKILL:
            return "The worker process was killed, most likely because memory ran out; use fewer workers."
        return f"The worker process ended with exit code {self.exit_code}."


@dataclass(slots=True)
class _Worker:
    process: SpawnProcess
    pipe: Connection
    job: int | None = None


def run_each(function: Callable[[Any], Any], jobs: Sequence[Any], workers: int) -> Iterator[tuple[int, Any | Died]]:
    """Run a function on every job, each worker process with one thread and one job at a time.

    Args:
        function: importable by name; its result is pickled.
        jobs: its arguments, pickled.
        workers: processes; 0 runs in this process, without protection against a crash.

    Yields:
        The job's index and its result, in the order in which they end; `Died` where the process did.

    Whatever ends the loop, also Ctrl-C, ends the workers; where this process itself is killed, they end by themselves.
    """
    if workers == 0:
        yield from ((index, function(job)) for index, job in enumerate(jobs))
        return
    waiting = list(range(len(jobs)))[::-1]
    team = [_start(function) for _ in range(min(workers, len(jobs)))]
    try:
        for worker in team:
            _give(worker, waiting, jobs)
        while any(worker.job is not None for worker in team):
            for place, worker in _ready(team):
                index = worker.job
                assert index is not None
                result = _take(worker)
                if isinstance(result, Died) and waiting:
                    team[place] = _start(function)
                _give(team[place], waiting, jobs)
                yield index, result
    finally:
        for worker in team:
            _stop(worker)


def _start(function: Callable[[Any], Any]) -> _Worker:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_work, args=(function, theirs), daemon=True)
    with _one_thread():
        process.start()
    theirs.close()
    return _Worker(process, ours)


def _give(worker: _Worker, waiting: list[int], jobs: Sequence[Any]) -> None:
    worker.job = None
    if waiting:
        worker.job = waiting.pop()
        with suppress(OSError):  # where the process is dead already, `_take` finds that out
            worker.pipe.send(jobs[worker.job])


def _ready(team: list[_Worker]) -> list[tuple[int, _Worker]]:
    busy = [(place, worker) for place, worker in enumerate(team) if worker.job is not None]
    heard = set(wait([source for _, worker in busy for source in (worker.pipe, worker.process.sentinel)]))
    return [pair for pair in busy if pair[1].pipe in heard or pair[1].process.sentinel in heard]


def _take(worker: _Worker) -> Any | Died:
    with suppress(EOFError, OSError):  # the pipe of a process that died
        if worker.pipe.poll():
            return worker.pipe.recv()
    worker.process.join()
    return Died(worker.process.exitcode or 0)


def _stop(worker: _Worker) -> None:
    worker.pipe.close()
    if worker.job is None:
        worker.process.join(GRACE_SECONDS)  # an idle worker leaves by itself when the pipe closes
    if worker.process.pid is not None and worker.process.exitcode is None:
        with suppress(ProcessLookupError):
            os.kill(worker.process.pid, ASKED)
    worker.process.join()


def _work(function: Callable[[Any], Any], pipe: Connection) -> None:
    """Do jobs until the other end hangs up; Ctrl-C is the parent's business.

    The libraries, torch too, compute with one thread because the process was born with `THREAD_VARIABLES`.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for number in (ASKED, signal.SIGTERM):
        signal.signal(number, _leave)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    while True:
        try:
            job = pipe.recv()
        except EOFError:
            break
        result = function(job)
        try:
            pipe.send(result)
        except BrokenPipeError:
            break
    for number in (ASKED, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)


def _leave(number: int, _frame: object) -> None:
    """End tidily, so that temporary folders and child processes go too; a second SIGTERM ends this process at once."""
    leaving = signal.getsignal(ASKED) is signal.SIG_IGN
    signal.signal(ASKED, signal.SIG_IGN)
    if number == signal.SIGTERM:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
    if not leaving:
        raise SystemExit(128 + signal.SIGTERM)


def _end_with_parent() -> None:
    """End this process when its parent has ended in whatever way, for nobody waits for its result any more.

    Tidily if the job lets it; what computes in C hears no signal, and is not waited for.
    """
    parent = multiprocessing.parent_process()
    assert parent is not None
    wait([parent.sentinel])
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(GRACE_SECONDS)
    os._exit(128 + signal.SIGTERM)


@contextmanager
def _one_thread() -> Iterator[None]:
    """Let a process that starts now inherit one thread per library."""
    before = {variable: os.environ.get(variable) for variable in THREAD_VARIABLES}
    os.environ.update(dict.fromkeys(THREAD_VARIABLES, "1"))
    try:
        yield
    finally:
        for variable, value in before.items():
            if value is None:
                os.environ.pop(variable, None)
            else:
                os.environ[variable] = value
