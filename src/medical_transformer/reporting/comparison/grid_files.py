"""A table on disk: TSV for spreadsheets, JSON for programs, LaTeX for manuscripts."""

from pathlib import Path

from medical_transformer.cohorts.tables import write_json, write_table, write_text
from medical_transformer.reporting.comparison.grid import Entry, Grid
from medical_transformer.reporting.comparison.numbers import plain

# What LaTeX reads as commands, and the signs that its standard fonts lack.
LATEX = {
    "\\": r"\textbackslash{}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "±": r"$\pm$",
    "−": r"$-$",
    "–": "--",
    "†": r"$^{\dagger}$",
    "²": r"$^{2}$",
    "³": r"$^{3}$",
    "⁻": r"$^{-}$",
    "≥": r"$\geq$",
    "≤": r"$\leq$",
    "×": r"$\times$",
    "\n": " ",
}


def write_grid(grid: Grid, folder: Path) -> None:
    """Write `NAME.tsv`, which has no notes, so that any program reads it, `NAME.json` and `NAME.tex`."""
    headings, rows = grid.flat()
    write_table(folder / f"{grid.name}.tsv", headings, rows)
    write_json(folder / f"{grid.name}.json", plain(grid))
    write_text(folder / f"{grid.name}.tex", latex(grid))


def latex(grid: Grid) -> str:
    r"""Return a `table` environment; it needs `\usepackage{booktabs}` and nothing else."""
    first = 2 if grid.group_heading else 1
    headings = [_bold(text, wanted=False) for text in grid.flat()[0] if text != "Remarks"]
    lines = [
        r"\begin{table}",
        r"\centering",
        rf"\caption{{{escaped(grid.title)}. {escaped(grid.caption)}}}",
        rf"\label{{tab:{grid.name}}}",
        rf"\begin{{tabular}}{{{'l' * first}{'r' * (len(headings) - first)}}}",
        r"\toprule",
        _line(headings),
        r"\midrule",
        *_body(grid),
        r"\bottomrule",
        r"\end{tabular}",
        *(rf"\par\smallskip\footnotesize {escaped(note)}" for note in (*grid.notes, *_remarks(grid))),
        r"\end{table}",
    ]
    return "\n".join(["% Needs booktabs.", *lines]) + "\n"


def escaped(text: str) -> str:
    """Return text in which LaTeX finds no command."""
    return "".join(LATEX.get(sign, sign) for sign in text)


def _body(grid: Grid) -> list[str]:
    lines: list[str] = []
    for name, rows in grid.groups:
        if lines and grid.group_heading:
            lines.append(r"\midrule")
        for place, row in enumerate(rows):
            first = [escaped(name) if place == 0 else ""] * bool(grid.group_heading)
            figures = [
                text
                for entry, doubled in zip(row.entries, grid.doubled, strict=True)
                for text in [_figure(entry)] + [escaped(entry.beside)] * doubled
            ]
            lines.append(_line([*first, escaped(row.name), *figures]))
    return lines


def _figure(entry: Entry) -> str:
    return _bold(entry.text, wanted=entry.best) + ("$^{*}$" if entry.remark else "")


def _remarks(grid: Grid) -> list[str]:
    """Return what the stars stand for: each remark once, with the places that it is about."""
    places: dict[str, dict[str, list[str]]] = {}
    for row in grid.rows:
        for column, entry in zip(grid.columns, row.entries, strict=True):
            if entry.remark:
                name = f"{row.group}, {row.name}" if grid.repeats else row.name
                places.setdefault(entry.remark, {}).setdefault(name, []).append(column)
    said = ("; ".join(f"{name} ({', '.join(columns)})" for name, columns in rows.items()) for rows in places.values())
    return [f"* {remark}: {where}." for remark, where in zip(places, said, strict=True)]


def _bold(text: str, *, wanted: bool) -> str:
    return rf"\textbf{{{escaped(text)}}}" if wanted else escaped(text)


def _line(texts: list[str]) -> str:
    return " & ".join(texts) + r" \\"
