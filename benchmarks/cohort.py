"""Measure how long a large cohort takes: indexing, saving, loading, and its ledger.

Command::

    python benchmarks/cohort.py --rows 50000

Draws a BIDS data set of as many subjects as there are rows, each with a tiny head (1 KB, so that the time is that of
the rows and not of the disk), and prints seconds per step by the clock and of the processor. `--profile` prints where
indexing spends them.
"""

import argparse
import cProfile
import gzip
import pstats
import struct
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import nibabel
import numpy as np

from medical_transformer.cohorts import Cohort, Ledger, index

Result = TypeVar("Result")
SIDES = (8, 9, 10)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rows", type=int, default=50_000)
    parser.add_argument("--profile", action="store_true")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        source, out = Path(folder, "raw"), Path(folder, "cohort")
        timed("drawing", lambda: draw(source, chosen.rows))
        if chosen.profile:
            profile(source, out)
        timed("indexing", lambda: index(source, out))
        timed("indexing again", lambda: index(source, out))
        cohort = timed("loading the cohort", lambda: Cohort.load(out))
        timed("saving the cohort", lambda: cohort.save(out))
        ledger = timed("loading the ledger", lambda: Ledger.load(out / "ledger.tsv"))
        timed("collapsing the ledger", ledger.groups)
        timed("saving the ledger", lambda: ledger.save(out / "ledger.tsv"))
        print(f"{len(cohort)} scans, {len(ledger.entries)} entries in the ledger")


def draw(source: Path, rows: int) -> None:
    header = nibabel.Nifti1Image(np.zeros(SIDES, np.int16), np.diag([2.0, 2.5, 3.0, 1.0])).to_bytes()[:352]
    people = []
    for number in range(rows):
        subject = f"sub-{number:06d}"
        place = source / subject / "anat" / f"{subject}_T1w.nii.gz"
        place.parent.mkdir(parents=True)
        voxels = struct.pack("<I", number) + bytes(2 * int(np.prod(SIDES)) - 4)
        place.write_bytes(gzip.compress(header + voxels, 1))
        people.append(f"{subject}\t{20 + number % 60}\t{'FM'[number % 2]}\n")
    (source / "participants.tsv").write_text("participant_id\tage\tsex\n" + "".join(people))


def profile(source: Path, out: Path) -> None:
    measured = cProfile.Profile()
    measured.runcall(index, source, out)
    pstats.Stats(measured).sort_stats("cumulative").print_stats(45)


def timed(what: str, work: Callable[[], Result]) -> Result:
    begin, cpu = time.perf_counter(), time.process_time()
    result = work()
    print(f"{what}: {time.perf_counter() - begin:.1f} s, of processor {time.process_time() - cpu:.1f} s", flush=True)
    return result


if __name__ == "__main__":
    main()
