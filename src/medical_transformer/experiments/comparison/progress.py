"""Showing how a grid goes: how much is done, what was done last, and when all will be."""

from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from medical_transformer.experiments.comparison.grid import Done
from medical_transformer.training import EpochRecord


class GridProgress:
    """A bar over the pieces of a comparison, with a line for each that is done."""

    def __init__(self, pieces: int) -> None:
        self._console = Console(stderr=True)
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=self._console,
            disable=not self._console.is_terminal,
        )
        self._task = self._progress.add_task("comparing", total=pieces)
        self._pieces, self._count = pieces, 0

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def epoch(self, record: EpochRecord) -> None:
        """Show that an epoch of the piece at hand is through."""
        self._progress.update(self._task, description=f"epoch {record.epoch}, training {record.training_loss:.4g}")

    def done(self, outcome: Done) -> Done:
        """Show that a piece is through, or why it is not."""
        self._count += 1
        self._progress.advance(self._task)
        verdict = f"failed: {outcome.reason}" if outcome.reason else "done"
        line = f"{self._count} of {self._pieces}: {outcome.work} – {verdict}"
        self._console.print(line, markup=False, highlight=False, soft_wrap=True)
        return outcome

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()
