"""`medtrans compare`."""

from pathlib import Path
from typing import Annotated

import typer

from medical_transformer.cli import options
from medical_transformer.cli.settings_files import read_config, validated


def compare(
    experiment: Annotated[Path, typer.Argument(help="Experiment file (YAML or JSON).", show_default=False)],
    out: options.Out,
    workers: Annotated[
        int, typer.Option(min=0, help="Processes of one thread each; 0 works in this one, with all threads.")
    ] = 0,
    scheduler: Annotated[
        str | None, typer.Option(help="Address of a dask scheduler, to work on a cluster.", show_default=False)
    ] = None,
) -> None:
    """Train and test many methods on many tasks: the paper's tables from one experiment file."""
    from medical_transformer.experiments.comparison import ComparisonConfig
    from medical_transformer.experiments.comparison import compare as run

    config = validated(ComparisonConfig, read_config(experiment))
    compared = run(config.placed(experiment.resolve().parent), out, workers=workers, scheduler=scheduler)
    for one in compared.failed:
        options.say(f"failed: {one.work}: {one.reason}")
    done = compared.units - len(compared.failed)
    earlier = f" ({compared.resumed} of them were done already)" if compared.resumed else ""
    options.say(f"{done} of {compared.units} units{earlier}. Tables → {compared.page}")
    if compared.failed:
        raise typer.Exit(1)
