"""Files that appear under their names only when they are whole: written aside, brought to the disk, renamed.

Whether a folder takes files at all is asked before hours of work go by.
"""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from medical_transformer.errors import ConfigError


def check_writable(folder: Path) -> None:
    """Refuse a folder that cannot be written to, or not be made; it is not made here.

    Raises:
        ConfigError: naming the folder and what stands in the way.
    """
    there = next(one for one in (folder.absolute(), *folder.absolute().parents) if os.path.lexists(one))
    if not there.is_dir():
        raise ConfigError(f"{folder}: {there} is not a folder; choose another place.")
    try:
        # Rights alone tell little: root has all, and /proc or a full disk takes none.
        with TemporaryDirectory(dir=there):
            return
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        raise ConfigError(f"{folder}: {there} cannot be written to ({why}); choose another place.") from error


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Offer the path of a hidden file beside `path`, which takes its name when the block ends well.

    Whoever reads `path` sees the earlier file or the new one, also after a crash or a power failure. The hidden
    name keeps the suffix, by which libraries choose the format; the folder is made where it is missing.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{socket.gethostname()}.{os.getpid()}.{path.name}")
    try:
        yield aside
        with aside.open("rb+") as file:
            os.fsync(file.fileno())
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file; it appears under its name only when it is whole."""
    with whole_file(path) as aside:
        aside.write_bytes(content)


def clear_leftovers(path: Path) -> None:
    """Delete what processes of this machine that were killed while they wrote `path` have left beside it."""
    here = f".{socket.gethostname()}."
    for aside in path.parent.glob(f"{here}*.{path.name}"):
        process = aside.name.removeprefix(here).removesuffix(f".{path.name}")
        if process.isdecimal() and not _is_running(int(process)):
            aside.unlink(missing_ok=True)


def _is_running(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True  # somebody else's
    return True
