"""`medtrans index`."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from medical_transformer.cli.options import say, writable

if TYPE_CHECKING:
    from medical_transformer.cohorts import Entry, Indexed, Ledger
    from medical_transformer.cohorts.ledger import Group, Kind


def index(
    source: Annotated[
        Path, typer.Argument(help="Folder of scans as it was downloaded; of DICOM also a zip.", show_default=False)
    ],
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Folder for cohort.tsv and ledger.tsv.", callback=writable)
    ] = None,
    table: Annotated[Path | None, typer.Option(help="Table of labels, where it is not found by itself.")] = None,
    layout: Annotated[str, typer.Option(help="How the folder lies: auto or the name of a data set.")] = "auto",
    where: Annotated[
        list[str] | None,
        typer.Option(
            help="Take only scans of which this holds: diagnosis=CN,MCI, session=bl,sc, sex!=male, age_years>=13. "
            "Repeatable, and all must hold: --where 'age_years>=20' --where 'age_years<40' is a range."
        ),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the ledger and write nothing.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of words.")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Every line of the ledger, not groups.")] = False,
) -> None:
    """Read a folder of scans with its table into a cohort; every file and row ends in a ledger."""
    from medical_transformer.cohorts import Verdict
    from medical_transformer.cohorts import index as run

    if out is None and not dry_run:
        raise typer.BadParameter("give --out FOLDER, or --dry-run to look first")
    indexed = run(source, None if dry_run else out, table=table, layout=layout, where=where or None)
    if as_json:
        typer.echo(json.dumps(_as_json(indexed, verbose), indent=2, ensure_ascii=False))
    elif verbose:
        _print(indexed.ledger.entries)
    elif dry_run:
        _print_groups(indexed.ledger.groups())
    else:
        _print_what_needs_a_look(indexed.ledger)
    for note in () if as_json else indexed.notes:
        say(f"· {note}")
    say(_summary(indexed) + ("" if dry_run else f" → {out}"))
    if indexed.ledger.of(Verdict.REFUSED):
        raise typer.Exit(1)


def _print_what_needs_a_look(ledger: "Ledger") -> None:
    """Print every refused file and scan on a line of its own; rows, and scans without labels, in groups."""
    from medical_transformer.cohorts import Entry, Ledger, Verdict

    alone: list[Entry] = []
    together: list[Entry] = []
    for entry in ledger.needing_a_look().entries:
        (alone if entry.verdict is Verdict.REFUSED and entry.kind != "row" else together).append(entry)
    _print(alone)
    _print_groups(Ledger(tuple(together)).groups())


def _print(entries: Iterable["Entry"]) -> None:
    for entry in entries:
        typer.echo(f"{entry.verdict.value}\t{entry.kind}\t{entry.item}\t{entry.reason}")


def _print_groups(groups: Iterable["Group"]) -> None:
    """Print a line per group, with its count and the first of its items."""
    for group in groups:
        more = ", ..." if group.count > len(group.examples) else ""
        items = f"{', '.join(group.examples)}{more}"
        typer.echo(f"{group.verdict.value}\t{group.count} {_plural(group.kind, group.count)}\t{group.reason}\t{items}")


def _summary(indexed: "Indexed") -> str:
    kinds: tuple[Kind, ...] = ("file", "row")
    counts = [
        f"{count} {_plural(kind, count)} {verdict.value}"
        for kind in kinds
        for verdict, count in sorted(indexed.ledger.counts(kind).items())
    ]
    scans, subjects = len(indexed.cohort), len(indexed.cohort.subjects)
    found = f"{scans} {_plural('scan', scans)} of {subjects} {_plural('subject', subjects)}"
    return f"{indexed.cohort.name}: {found}; {', '.join(counts)}."


def _plural(word: str, count: int) -> str:
    return word if count == 1 else f"{word}s"


def _as_json(indexed: "Indexed", verbose: bool) -> dict[str, Any]:
    cohort, ledger = indexed.cohort, indexed.ledger
    groups = [
        {"kind": g.kind, "verdict": g.verdict.value, "count": g.count, "reason": g.reason, "examples": list(g.examples)}
        for g in ledger.groups()
    ]
    entries = [
        {"item": e.item, "kind": e.kind, "verdict": e.verdict.value, "subject": e.subject, "reason": e.reason}
        for e in ledger.entries
    ]
    return {
        "name": cohort.name,
        "scans": len(cohort),
        "subjects": len(cohort.subjects),
        "labels": list(cohort.label_names),
        "notes": list(indexed.notes),
        "groups": groups,
        **({"ledger": entries} if verbose else {}),
    }
