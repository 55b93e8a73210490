"""Starting a program in two processes, as `torchrun` does."""

import os
import subprocess
import sys
from pathlib import Path

SECONDS = 300


def run_in_two_processes(*words: str | Path) -> None:
    """Run a program with its arguments in two processes of one thread each; fail with what it said if it fails."""
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    done = subprocess.run(
        [*torchrun, *map(str, words)],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS,
    )
    assert done.returncode == 0, done.stderr[-2000:]
