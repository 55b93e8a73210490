"""`medtrans draw`."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from medical_transformer.cli.options import Out, say


def draw(
    layout: Annotated[str, typer.Argument(help="ixi, adni or brats.", show_default=False)],
    out: Out,
    count: Annotated[int, typer.Option(min=1, help="Subjects or cases.")] = 10,
    seed: Annotated[int, typer.Option(help="The same seed writes the same bytes.")] = 0,
    truth: Annotated[Path | None, typer.Option(help="Folder for what is true of each scan.")] = None,
) -> None:
    """Draw a cohort of brains with known truth, stored exactly as a real data set lies on disk."""
    from medical_transformer.cohorts import phantoms

    writers: dict[str, Callable[..., None]] = {
        "ixi": phantoms.write_ixi,
        "adni": phantoms.write_adni,
        "brats": phantoms.write_brats,
    }
    if layout not in writers:
        raise typer.BadParameter(f"there is no layout {layout!r}; choose {', '.join(writers)}")
    say(f"Drawing {count} for {layout}.")
    writers[layout](out, count, seed, truth_folder=truth)
    say(f"Drawn → {out}")
