"""`medtrans export`."""

from pathlib import Path
from typing import Annotated

import typer

from medical_transformer.cli.options import Out, say


def export(
    model: Annotated[
        str, typer.Argument(help="Model folder: `model/` of finetune or of a fold, `encoder/` of pretrain.")
    ],
    out: Out,
    tested: Annotated[
        Path | None, typer.Option(help="Result of `medtrans evaluate` with the same training, for the card.")
    ] = None,
    licence: Annotated[str, typer.Option(help="Of the weights, such as CC-BY-SA-3.0.")] = "",
    data: Annotated[str, typer.Option(help="What it was trained on, its source and licence, in a sentence.")] = "",
    subject_hashes: Annotated[
        bool,
        typer.Option(
            "--subject-hashes",
            help="Keep a hash of each subject's name, for the leak audit; only where the names are public.",
        ),
    ] = False,
    single: Annotated[bool, typer.Option("--single", help="Leave the weights in single precision.")] = False,
) -> None:
    """Make a model that can be published: half precision, no subjects' names, no paths, with a card."""
    from medical_transformer.experiments import export as run

    done = run(model, out, tested=tested, licence=licence, data=data, subject_hashes=subject_hashes, half=not single)
    if done.difference is not None:
        say(f"Half precision changes the answer on the template's brain by {done.difference}.")
    if not licence or not data:
        say("The card names no licence or no data; say them with --licence and --data.")
    say(f"{done.bytes / 1e6:.1f} MB → {done.folder}")
