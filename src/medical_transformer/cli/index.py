"""`medtrans index`."""

import json
from pathlib import Path
from typing import Annotated

import typer

from medical_transformer.cli.options import say


def index(
    source: Annotated[Path, typer.Argument(help="Folder of scans as it was downloaded.", show_default=False)],
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Folder for cohort.tsv and ledger.tsv.")] = None,
    table: Annotated[Path | None, typer.Option(help="Table of labels, where it is not found by itself.")] = None,
    layout: Annotated[str, typer.Option(help="How the folder lies: auto or the name of a data set.")] = "auto",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the ledger and write nothing.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the ledger as JSON.")] = False,
) -> None:
    """Read a folder of scans with its table into a cohort; every file and row ends in a ledger."""
    from medical_transformer.cohorts import Verdict
    from medical_transformer.cohorts import index as run

    if out is None and not dry_run:
        raise typer.BadParameter("give --out FOLDER, or --dry-run to look first")
    indexed = run(source, None if dry_run else out, table=table, layout=layout)
    if as_json:
        entries = [
            {"item": e.item, "kind": e.kind, "verdict": e.verdict.value, "subject": e.subject, "reason": e.reason}
            for e in indexed.ledger.entries
        ]
        typer.echo(json.dumps(entries, indent=2))
    elif dry_run:
        for entry in indexed.ledger.entries:
            typer.echo(f"{entry.verdict.value}\t{entry.kind}\t{entry.item}\t{entry.reason}")
    for note in indexed.notes:
        say(f"· {note}")
    counts = ", ".join(f"{count} files {verdict}" for verdict, count in sorted(indexed.ledger.counts("file").items()))
    say(
        f"{indexed.cohort.name}: {len(indexed.cohort)} scans of {len(indexed.cohort.subjects)} subjects; {counts}."
        + ("" if dry_run else f" → {out}")
    )
    if indexed.ledger.of(Verdict.REFUSED):
        raise typer.Exit(1)
