"""`medtrans methods`."""

import json
from collections.abc import Mapping
from typing import Annotated, Any

import typer

TASKS = ("classification", "regression", "segmentation")
One = Mapping[str, Any]


def methods(as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """List backbones with exact parameter counts per task, ways to pre-train, and the classical baseline."""
    from medical_transformer.experiments import listing

    found = listing()
    if as_json:
        typer.echo(json.dumps(found, indent=2))
        return
    backbones, pretraining, classical = (
        [method for method in found if method["kind"] == kind] for kind in ("backbone", "pretraining", "classical")
    )
    _print_counts(backbones)
    for method in backbones:
        typer.echo(_backbone(method))
    typer.echo("\nPre-training without labels (medtrans pretrain --method):")
    for method in pretraining:
        typer.echo(_pretraining(method, len(backbones)))
    typer.echo("\nClassical (--backbone):")
    for method in classical:
        typer.echo(f"{_about(method)}. {method['note']}".rstrip())


def _print_counts(backbones: list[dict[str, Any]]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("name")
    for heading in TASKS:
        table.add_column(heading, justify="right", no_wrap=True)
    for method in backbones:
        table.add_row(
            method["name"], *(_count(method["parameters"][kind], method["printed"].get(kind)) for kind in TASKS)
        )
    Console().print(table)


def _count(parameters: int, printed: str | None) -> str:
    return f"{parameters:,}" + (f"\npaper {printed}M" if printed else "")


def _about(method: One) -> str:
    publication = f", {method['publication']}" if "publication" in method else ""
    return f"{method['name']}: {method['title']}; {method['source']}{publication}; {method['licence']}"


def _backbone(method: One) -> str:
    names = f" (--weights {', '.join(method['known'])}, or a file)" if method["known"] else " (--weights FILE)"
    taught_on = f"; taught on {method['taught_on']} (intensities: {method['intensities']})"
    weights = f"weights: {method['weights']}{names}{taught_on}." if method["weights"] else "No weights are published."
    return f"{_about(method)}. {weights} {method['note']}".rstrip()


def _pretraining(method: One, backbones: int) -> str:
    every = len(method["backbones"]) == backbones
    teaches = "any backbone" if every else f"backbone {', '.join(method['backbones'])}"
    return f"{_about(method)}; {teaches}. {method['note']}".rstrip()
