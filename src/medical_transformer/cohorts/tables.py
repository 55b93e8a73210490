"""Tab-separated tables and JSON files, written aside first and then renamed."""

import csv
import io
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from medical_transformer.errors import CohortError
from medical_transformer.volumes.whole_files import write_bytes


def write_table(path: Path, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Write a table with a header; the file appears under its name only when it is complete."""
    text = io.StringIO()
    writer = csv.writer(text, delimiter="\t", lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    write_text(path, text.getvalue())


def write_json(path: Path, value: Any) -> None:
    """Write a value as readable JSON; the file appears under its name only when it is complete."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def read_json(path: Path) -> dict[str, Any]:
    """Read what `write_json` wrote of a value with names.

    Raises:
        CohortError: naming the file, if it is damaged.
    """
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise CohortError(f"{path}: damaged; make it again with the command that wrote it.") from error
    if not isinstance(value, dict):
        raise CohortError(f"{path}: damaged; expected values by name.")
    return value


def write_text(path: Path, text: str) -> None:
    """Write a text file (UTF-8, lines as they are); it appears under its name only when it is complete."""
    write_bytes(path, text.encode())
