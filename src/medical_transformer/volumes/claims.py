"""A folder into which one run writes at a time.

A run holds an advisory lock of the system on a hidden file of its folder. The system gives it back when the process
ends, however it ends, so that a killed run leaves nothing behind that must be cleared by hand.
"""

import inspect
import os
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import wraps
from pathlib import Path
from typing import IO, ParamSpec, TypeVar

from rich.console import Console

from medical_transformer.errors import FolderInUseError
from medical_transformer.volumes.whole_files import check_writable

if sys.platform != "win32":
    import fcntl

NAME = ".one-run"

P = ParamSpec("P")
R = TypeVar("R")


def one_run(job: Callable[P, R]) -> Callable[P, R]:
    """Let a job refuse its folder, the argument `out`, while another run writes there."""
    signature = inspect.signature(job)

    @wraps(job)
    def alone(*args: P.args, **kwargs: P.kwargs) -> R:
        with claimed(signature.bind(*args, **kwargs).arguments["out"]) as doubt:
            if doubt:
                Console(stderr=True).print(doubt, markup=False, highlight=False, soft_wrap=True)
            return job(*args, **kwargs)

    return alone


def one_shared_run(job: Callable[P, R]) -> Callable[P, R]:
    """Do as `one_run` for a job that processes share: those that torchrun or srun started together are one run.

    The first of them holds the folder. A job that shares nothing would be done by each of them, into the same files.
    """
    alone = one_run(job)

    @wraps(job)
    def shared(*args: P.args, **kwargs: P.kwargs) -> R:
        return alone(*args, **kwargs) if _is_first_process() else job(*args, **kwargs)

    return shared


@contextmanager
def claimed(folder: Path) -> Iterator[str]:
    """Hold a folder for as long as the block runs; it is made where it is missing, and stays if anything is in it.

    Yields:
        A sentence for the person where the file system knows no locks (some network file systems do not), so that
        another run would not be noticed; else an empty text.

    Raises:
        FolderInUseError: if another run holds it, naming its process and machine.
        ConfigError: if it cannot be written to.
    """
    path = folder / NAME
    with _folder(folder), _opened(path, folder) as (file, doubt):
        file.truncate(0)
        file.write(f"process {os.getpid()} on {socket.gethostname()}")
        file.flush()
        try:
            yield doubt
        finally:
            with suppress(OSError):  # some systems keep a file that is open
                path.unlink()  # while the lock is held: who waits for this file sees that it is gone


@contextmanager
def _folder(folder: Path) -> Iterator[None]:
    """Make a folder; a run that is refused for its settings takes it away again."""
    check_writable(folder)
    made = [one for one in (folder, *folder.parents) if not one.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    try:
        yield
    finally:
        with suppress(OSError):  # it is not empty, as a rule
            for one in made:
                one.rmdir()


@contextmanager
def _opened(path: Path, folder: Path) -> Iterator[tuple[IO[str], str]]:
    """Open and lock the file; again where its last holder has deleted it meanwhile."""
    while True:
        with path.open("a+", encoding="utf-8") as file:
            doubt = _lock(file, folder)
            if doubt or (path.exists() and os.path.samestat(os.fstat(file.fileno()), path.stat())):
                yield file, doubt
                return


def _lock(file: IO[str], folder: Path) -> str:
    """Take the lock, or say why there is none."""
    if sys.platform == "win32":
        return _doubt(folder, "this system has no such locks")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError) as error:
        file.seek(0)
        raise FolderInUseError(
            f"{folder} is being written to by another run ({file.read() or 'which did not say who it is'}). "
            "Wait until it has ended, end it, or choose another folder."
        ) from error
    except OSError as error:
        return _doubt(folder, str(error.strerror).lower())
    return ""


def _doubt(folder: Path, why: str) -> str:
    return f"{folder} cannot be locked ({why}); see to it yourself that only one run writes there."


def _is_first_process() -> bool:
    """Tell whether this process is alone, or the first of those that torchrun or srun started."""
    if "WORLD_SIZE" in os.environ:
        return os.environ.get("RANK", "0") == "0"
    return "SLURM_STEP_NUM_TASKS" not in os.environ or os.environ.get("SLURM_PROCID", "0") == "0"
