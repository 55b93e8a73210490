"""Showing how a run goes: one line per stage, with the losses and the time left."""

from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from medical_transformer.training import EpochRecord


class EpochProgress:
    """A progress bar over epochs; call it with every epoch's record."""

    def __init__(self, title: str, epochs: int) -> None:
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[numbers]}"),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
        )
        self._title = title
        self._console = Console(stderr=True)
        self._progress = Progress(*columns, console=self._console, disable=not self._console.is_terminal)
        self._task = self._progress.add_task(title, total=epochs, numbers="")

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __call__(self, record: EpochRecord) -> None:
        """Show an epoch."""
        self._progress.update(self._task, completed=record.epoch, numbers=_numbers(record))
        if not self._console.is_terminal:
            line = f"{self._title}: epoch {record.epoch}, {_numbers(record)}, {record.seconds:.1f} s"
            self._console.print(line, highlight=False, soft_wrap=True)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()


def _numbers(record: EpochRecord) -> str:
    shown = {"training": record.training_loss, "validation": record.validation_loss, **record.metrics}
    return "  ".join(f"{name} {value:.4g}" for name, value in shown.items())
