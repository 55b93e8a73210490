"""`medtrans methods`."""

import json
from dataclasses import asdict
from typing import Annotated

import typer


def methods(as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """List all backbones with their exact parameter counts per task."""
    from rich.console import Console
    from rich.table import Table

    from medical_transformer.experiments import methods as run

    found = run()
    if as_json:
        typer.echo(json.dumps([asdict(method) for method in found], indent=2))
        return
    table = Table("name", "method", "classification", "regression", "segmentation", "source", "licence")
    for method in found:
        counts = (f"{method.parameters[kind]:,}" for kind in ("classification", "regression", "segmentation"))
        table.add_row(method.name, method.title, *counts, method.source, method.licence)
    Console().print(table)
