"""`medtrans prepare`."""

from pathlib import Path
from typing import Annotated

import typer

from medical_transformer.cli.options import Out, say
from medical_transformer.cli.settings_files import read_config


def prepare(
    cohort: Annotated[Path, typer.Argument(help="What `medtrans index` wrote.", show_default=False)],
    out: Out,
    pipeline: Annotated[
        str, typer.Option(help="default, paper (min-max), fsl (the paper's tools) or brats (crop only).")
    ] = "default",
    config: Annotated[Path | None, typer.Option("--config", help="YAML with pipeline settings.")] = None,
    workers: Annotated[int | None, typer.Option(help="Processes; by default what fits into the machine.")] = None,
    scheduler: Annotated[
        str | None, typer.Option(help="Address of a dask.distributed cluster that does the work.")
    ] = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Prepare again what other settings prepared here.")
    ] = False,
) -> None:
    """Make scans comparable: brain, bias field, registration, intensities; resumes where it stopped."""
    from medical_transformer.cohorts import Cohort, Verdict
    from medical_transformer.preprocessing import PipelineConfig, preset
    from medical_transformer.preprocessing import prepare as run

    chosen = preset(pipeline)
    if config is not None:
        chosen = PipelineConfig.of({**chosen.model_dump(), **read_config(config)})
    try:
        prepared = run(Cohort.load(cohort), out, chosen, workers=workers, replace=replace, scheduler=scheduler)
    except (KeyboardInterrupt, SystemExit):
        say("Interrupted. Finished scans stay; run the same command again to go on.")
        raise
    if prepared.ledger.of(Verdict.REFUSED):
        raise typer.Exit(1)
