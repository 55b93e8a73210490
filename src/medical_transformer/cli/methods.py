"""`medtrans methods`."""

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from medical_transformer.experiments import Method

TASKS = ("classification", "regression", "segmentation")


def methods(as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """List all backbones with their exact parameter counts per task."""
    from rich.console import Console
    from rich.table import Table

    from medical_transformer.experiments import methods as run

    found = run()
    if as_json:
        typer.echo(json.dumps([asdict(method) for method in found], indent=2))
        return
    table = Table("name")
    for heading in TASKS:
        table.add_column(heading, justify="right", no_wrap=True)
    for method in found:
        counts = (_count(method.parameters[kind], method.printed.get(kind)) for kind in TASKS)
        table.add_row(method.name, *counts)
    Console().print(table)
    for method in found:
        typer.echo(_remarks(method))


def _count(parameters: int, printed: str | None) -> str:
    return f"{parameters:,}" + (f"\npaper {printed}M" if printed else "")


def _remarks(method: "Method") -> str:
    names = f" (--weights {', '.join(method.known)}, or a file)" if method.known else " (--weights FILE)"
    taught_on = f"; taught on {method.taught_on} (intensities: {method.intensities})"
    weights = f"weights: {method.weights}{names}{taught_on}." if method.weights else "No weights are published."
    about = f"{method.name}: {method.title}; {method.source}; {method.licence}."
    return " ".join([about, weights, method.note]).rstrip()
