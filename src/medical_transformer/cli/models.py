"""`medtrans models`."""

import json
from dataclasses import asdict
from typing import Annotated

import typer


def models(as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """List the models that come with the package, for --model and --encoder."""
    from medical_transformer.experiments import models as run

    found = run()
    if as_json:
        typer.echo(json.dumps([asdict(model) for model in found], indent=2, ensure_ascii=False))
        return
    for model in found:
        sees = f"{', '.join(model.modalities)}, {'x'.join(map(str, model.field_of_view))} voxels"
        typer.echo(f"{model.name}: {model.task}, {model.megabytes} MB, {sees}")
        typer.echo(f"  answers  {model.answers}")
        typer.echo(f"  score    {model.score or 'not tested'}")
        typer.echo(f"  licence  {model.licence or 'not stated'}; {model.data or 'data not stated'}")
    if not found:
        typer.echo("No model comes with this copy of the package; a model folder can be given instead of a name.")
