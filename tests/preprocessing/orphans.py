"""A program for `test_workers`: a worker that sleeps and holds a lock until it ends."""

import fcntl
import os
import sys
import time
from pathlib import Path

from medical_transformer.preprocessing.workers import run_each


def sleep(place: str) -> None:
    """Lock a file for the rest of this process, say so, and stay until something ends it."""
    fcntl.flock(os.open(place, os.O_RDWR | os.O_CREAT), fcntl.LOCK_EX)
    Path(place).with_suffix(".held").touch()
    try:
        time.sleep(60)
    finally:
        Path(place).with_suffix(".tidied").touch()


if __name__ == "__main__":
    list(run_each(sleep, sys.argv[1:], 1))
