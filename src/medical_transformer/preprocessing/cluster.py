"""Jobs on any dask.distributed cluster: local, SLURM, PBS, Kubernetes; whoever deploys it gives its address.

All machines must see the same folders under the same paths, and have this package installed. A worker is best started
with one thread (`dask worker ADDRESS --nworkers 4 --nthreads 1`), since memory is counted per scan.
"""

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from medical_transformer.errors import ConfigError, PreparationError
from medical_transformer.preprocessing.workers import THREAD_VARIABLES

# How often a job is tried again after an error that is not of its scan, such as a disk that was away.
RETRIES = 2
CONNECT_SECONDS = 30


@dataclass(frozen=True, slots=True)
class Lost:
    """A job that took several workers with it.

    Attributes:
        workers: how many of them.
    """

    workers: int

    @property
    def sentence(self) -> str:
        """Say what happened."""
        return f"{self.workers} workers of the cluster were lost over this scan, most likely because memory ran out."


def run_on_cluster(
    function: Callable[[Any], Any], jobs: Sequence[Any], address: str
) -> Iterator[tuple[int, Any | Lost]]:
    """Run a function on every job, on the workers of a cluster; a lost worker's jobs are done again by others.

    Args:
        function: importable by name on the workers.
        jobs: its arguments, pickled.
        address: of the scheduler, such as `tcp://10.0.0.1:8786`.

    Yields:
        The job's index and its result, in the order in which they end; `Lost` where it ended several workers.

    Raises:
        ConfigError: if dask.distributed is not installed.
        PreparationError: if nobody answers at the address.
    """
    with _client(address) as client:
        futures = client.map(_in_one_thread, [(function, job) for job in jobs], pure=False, retries=RETRIES)
        places = {future.key: place for place, future in enumerate(futures)}
        completed = _distributed().as_completed(futures)
        del futures  # what is finished and taken is forgotten by the cluster
        lost: list[int] = []
        for future in completed:
            place, result = places[future.key], _result(future)
            if isinstance(result, Lost):
                lost.append(place)
            else:
                yield place, result
        # Dask blames all that waited on a lost worker; one after the other, only the culprit is lost again.
        for place in lost:
            yield place, _result(client.submit(_in_one_thread, (function, jobs[place]), pure=False))


def _result(future: Any) -> Any | Lost:
    try:
        return future.result()
    except _distributed().KilledWorker as error:
        return Lost(int(error.allowed_failures) + 1)


def _in_one_thread(call: tuple[Callable[[Any], Any], Any]) -> Any:
    """Do a job on a worker, the libraries with one thread each, the programs that it starts, too."""
    os.environ.update(dict.fromkeys(THREAD_VARIABLES, "1"))
    if "torch" in sys.modules:  # otherwise it reads the variables when it is imported
        sys.modules["torch"].set_num_threads(1)
    function, job = call
    return function(job)


@contextmanager
def _client(address: str) -> Iterator[Any]:
    try:
        client = _distributed().Client(address, timeout=CONNECT_SECONDS)
    except (OSError, ValueError) as error:
        raise PreparationError(f"No dask scheduler answers at {address!r}; is it running? ({error})") from error
    with client:
        yield client


def _distributed() -> Any:
    try:
        import distributed  # noqa: PLC0415  (an extra)
    except ImportError as error:
        raise ConfigError(
            "--scheduler needs dask.distributed; run `pip install 'medical-transformer[cluster]'`."
        ) from error
    return distributed
