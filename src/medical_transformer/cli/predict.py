"""`medtrans predict`."""

from pathlib import Path
from typing import Annotated

import typer

from medical_transformer.cli.options import Out, say


def predict(
    scans: Annotated[list[Path], typer.Argument(help="Raw scans: files, folders or cohorts.", show_default=False)],
    model: Annotated[
        str,
        typer.Option(help="Model folder, as `finetune` leaves it, or a name of `medtrans models`.", show_default=False),
    ],
    out: Out,
    workers: Annotated[int | None, typer.Option(help="Processes; by default what fits into the machine.")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
) -> None:
    """Answer on raw scans, preparation included: a JSON and a picture per scan, and predictions.tsv."""
    from medical_transformer.serving import predict as run

    predicted = run(scans, model, out, workers=workers, device=device)
    answered = len(predicted.answers) - len(predicted.refused)
    say(f"{answered} answered, {len(predicted.refused)} refused → {out / 'predictions.tsv'}")
    if predicted.refused:
        raise typer.Exit(1)
