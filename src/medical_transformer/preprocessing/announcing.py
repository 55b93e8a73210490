"""What a person is told before and after the preparation of a cohort."""

from collections.abc import Iterator
from pathlib import Path
from textwrap import shorten

from medical_transformer.cohorts import Cohort, Ledger, Verdict
from medical_transformer.cohorts.ledger import line_of
from medical_transformer.preprocessing.config import PipelineConfig
from medical_transformer.preprocessing.memory import expected_memory_gb

# So many of the scans that stand out are named at the end, each on a line of so many letters.
MOST_NAMED, WIDTH = 5, 300


def announcement(cohort: Cohort, config: PipelineConfig, workers: int, scheduler: str | None) -> str:
    """Say what will be prepared, by whom and with how much memory."""
    each_gb = expected_memory_gb(config)
    if scheduler is None:
        team = "in this process" if workers == 0 else f"with {workers} {'worker' if workers == 1 else 'workers'}"
        place = f"{team}, about {max(workers, 1) * each_gb:.1f} GB of memory"
    else:
        place = f"on the cluster at {scheduler}, about {each_gb:.1f} GB of memory for each of its workers"
    scans = "1 scan" if len(cohort) == 1 else f"{len(cohort)} scans"
    return f"Preparing {scans} of {cohort.name} {place}, pipeline {config.fingerprint()}."


def summary(ledger: Ledger, resumed: int, out: Path) -> Iterator[str]:
    """Yield the counts of a preparation, and before them the first scans that were refused or warned of.

    Args:
        ledger: the verdict on every scan.
        resumed: how many scans an earlier run had done already.
        out: the prepared folder.
    """
    striking = [*ledger.of(Verdict.REFUSED), *ledger.of(Verdict.WARNED)]
    if striking:
        shown = f" (the first {MOST_NAMED} of {len(striking)})" if len(striking) > MOST_NAMED else ""
        yield f"Look at these{shown}; {out / 'ledger.tsv'} has every scan:"
    for entry in striking[:MOST_NAMED]:
        yield shorten(f"· {line_of(entry.item, entry.verdict, entry.reason)}", WIDTH, placeholder=" …")
    counts = ledger.counts("scan")
    verdicts = [Verdict.PREPARED, *([Verdict.WARNED] if counts[Verdict.WARNED] else []), Verdict.REFUSED]
    said = ", ".join(f"{counts[verdict]} {verdict}" for verdict in verdicts)
    done = f" ({resumed} of them were done already)" if resumed else ""
    yield f"{said}{done} → {out}"
