"""Measure how long a large cohort takes: indexing, saving, loading, its ledger, and taking up a finished preparation.

Command::

    python benchmarks/cohort.py --rows 50000

Draws a BIDS data set of as many subjects as there are rows, each with a tiny head (1 KB, so that the time is that of
the rows and not of the disk), and prints seconds per step by the clock and of the processor. What preparing leaves of
each scan is drawn too, as empty files and a line of the outcome, so that taking it up is all that is measured: first
with every pair of heads still to be compared, then with nothing to do. `--profile` prints where indexing spends the
time.
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
from rich.console import Console

from medical_transformer.cohorts import Cohort, Ledger, Verdict, index
from medical_transformer.preprocessing import DEFAULT, prepare
from medical_transformer.preprocessing.derivatives import written_files
from medical_transformer.preprocessing.finished import keeping
from medical_transformer.preprocessing.job import Job, Outcome

Result = TypeVar("Result")
SIDES = (8, 9, 10)
# A head's signature, and numbers that need no word (`preprocessing/doubles.py`, `quality.py`).
PLACES = 3215
QUALITY = {"brain_ml": 1447.4, "template_correlation": 0.684, "determinant": 1.348, "centre_distance_mm": 0.83}


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
        prepared = Path(folder, "prepared")
        timed("drawing what preparing leaves", lambda: draw_prepared(cohort, prepared))
        quiet = Console(quiet=True)
        timed("comparing all heads", lambda: prepare(cohort, prepared, workers=1, console=quiet))
        done = timed("resuming", lambda: prepare(cohort, prepared, workers=1, console=quiet))
        print(f"{done.resumed} scans were done already")


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


def draw_prepared(cohort: Cohort, out: Path) -> None:
    """Leave what preparing leaves: the files of each scan, without content, and the line that tells its outcome."""
    heads = np.random.default_rng(0)
    with keeping(out) as keep:
        for scan in cohort.scans:
            for path in written_files(scan, DEFAULT, Verdict.PREPARED):
                (out / path).parent.mkdir(parents=True, exist_ok=True)
                (out / path).touch()
            head = np.clip(heads.normal(scale=32, size=PLACES), -127, 127).astype(np.int8)
            outcome = Outcome(Verdict.PREPARED, "", scan.content_hash, QUALITY, signature=head.tobytes())
            keep(Job(scan, cohort.root, out, DEFAULT), outcome)


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
