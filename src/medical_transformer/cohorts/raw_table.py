"""Reading the table that came with a data set: as text, cell by cell, whatever program wrote it."""

import csv
import io
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from medical_transformer.cohorts.labels import label_name
from medical_transformer.errors import CohortError

MISSING = frozenset({"", "-9999", "-9999.0", "na", "n/a", "#n/a", "nan", "nat", "none", "null", "<na>"})
TEXTS, BOOKS = frozenset({".csv", ".tsv", ".txt"}), frozenset({".xls", ".xlsx", ".parquet"})
KINDS = "tables are read as .csv, .tsv, .txt (UTF-8 or Latin-1), .xls, .xlsx and .parquet; save the table as CSV"
SEPARATORS = (",", "\t", ";")
DECIMAL_COMMA = re.compile(r"^-?\d+,\d+$")
SHORT_COMMA = re.compile(r"^-?\d+,\d{1,2}$")
# csv refuses `"a" ,` when it is strict. A blank is also dropped before a separator inside a quoted cell after `""`.
SPACE_AFTER_QUOTE = re.compile(r'"[ ]+(?=[,;\t\r\n]|$)')
UTF_16 = (b"\xff\xfe", b"\xfe\xff")
SHEET = "Table"
WHOLE = re.compile(r"^[+-]?\d+(\.0+)?$")


@dataclass(frozen=True, slots=True)
class TableRow:
    """One row of a table.

    Attributes:
        table: what the table is called, by default its file name.
        number: the row as a spreadsheet numbers it; the header is row 1.
        cells: column to text, without surrounding spaces. A missing cell is absent.
    """

    table: str
    number: int
    cells: Mapping[str, str]

    @property
    def where(self) -> str:
        """The words by which the ledger calls this row: `IXI.csv row 17`."""
        return f"{self.table} row {self.number}"

    def text(self, *columns: str) -> str | None:
        """Return the first cell that is present under any of the column names."""
        return next((self.cells[column] for column in columns if column in self.cells), None)

    def number_in(self, *columns: str) -> float | None:
        """Return the first present cell as a number; None where it is missing or no number."""
        return as_number(self.text(*columns))


@dataclass(frozen=True, slots=True)
class RawTable:
    """A table as it lies on disk.

    Attributes:
        path: its file.
        columns: the header, without surrounding spaces; an unnamed column is called `column_3`.
        rows: the rows, blank lines left out.
    """

    path: Path
    columns: tuple[str, ...]
    rows: tuple[TableRow, ...]

    def column(self, *names: str) -> str | None:
        """Return the first column that has one of the names, however it is spelt: `Patient ID` is `patient_id`."""
        by_name = {label_name(column): column for column in reversed(self.columns)}
        return next((by_name[spelt] for spelt in map(label_name, names) if spelt in by_name), None)

    def require(self, *names: str) -> str:
        """Return the first column that has one of the names.

        Raises:
            CohortError: if there is none; the message names the columns that exist.
        """
        found = self.column(*names)
        if found is None:
            raise CohortError(
                f"{self.path} has no column {' or '.join(map(repr, names))}; "
                f"it has: {', '.join(self.columns[:20]) or 'none'}."
            )
        return found


def read_raw_table(path: Path, called: str | None = None) -> RawTable:
    """Read a CSV, TSV, Excel or Parquet table as text.

    Comma, tab and semicolon are told apart by the header, decimal commas of a semicolon table become points,
    and a byte order mark, latin-1 letters and stray spaces are understood.

    Args:
        path: the table.
        called: how its rows call it, where several tables have the same file name.

    Raises:
        CohortError: naming the file, if it is missing, empty, unreadable or has a row wider than its header.
    """
    if not path.is_file():
        found = "a folder, not a table" if path.is_dir() else "there is no such table"
        raise CohortError(f"{path}: {found}.")
    suffix = path.suffix.lower()
    if suffix not in TEXTS | BOOKS:
        raise CohortError(f"{path}: {suffix or 'a file without an ending'} is no known kind of table; {KINDS}.")
    lines = _read_text(path) if suffix in TEXTS else _read_binary(path)
    header, *body = lines or [[]]
    if not any(cell.strip() for cell in header):
        raise CohortError(f"{path}: the table is empty; its first row must name the columns.")
    columns = _column_names(header)
    rows = tuple(_rows(path, called or path.name, columns, body))
    return RawTable(path, columns, rows)


def as_number(text: str | None) -> float | None:
    """Return a finite number, or None where the text is missing or says something else.

    A comma before one or two digits is a decimal comma; before three it could part thousands, and says nothing.
    """
    try:
        number = float(_with_point(text or "", SHORT_COMMA))
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def as_whole(text: str | None) -> int | None:
    """Return a whole number however it is padded (`002`, `2`, `2.0`), or None."""
    return int(float(text)) if text and WHOLE.match(text) else None


def _read_text(path: Path) -> list[list[str]]:
    data = path.read_bytes()
    encoding = "utf-16" if data.startswith(UTF_16) else "utf-8-sig"
    if b"\0" in data and encoding != "utf-16":
        raise CohortError(f"{path} is no text, whatever its name says; {KINDS}.")
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError:
        text = data.decode("latin-1")
    header = text.lstrip().partition("\n")[0]
    separator = max(SEPARATORS, key=lambda one: len(next(csv.reader([header], delimiter=one), [])))
    lines = _split(path, text, separator)
    return [[_with_point(cell) for cell in line] for line in lines] if separator == ";" else lines


def _split(path: Path, text: str, separator: str) -> list[list[str]]:
    """Part a text into lines of cells; strictly, for a quote that is never closed would swallow the rows below it."""
    lines: list[list[str]] = []
    tidy = SPACE_AFTER_QUOTE.sub('"', text) if '"' in text else text
    reader = csv.reader(io.StringIO(tidy, newline=""), delimiter=separator, strict=True)
    begun = 1
    try:
        for line in reader:
            lines.append(line)
            begun = reader.line_num + 1
    except csv.Error as error:
        raise CohortError(
            f"{path} is not a readable table: in what begins at line {begun}, a quotation mark is not closed or stands "
            f"inside a quoted cell ({error}); close it, double it, or export the table again as CSV."
        ) from error
    return lines


def _with_point(cell: str, pattern: re.Pattern[str] = DECIMAL_COMMA) -> str:
    return cell.replace(",", ".") if "," in cell and pattern.match(cell.strip()) else cell


def _read_binary(path: Path) -> list[list[str]]:
    try:
        frame = pd.read_parquet(path) if path.suffix.lower() == ".parquet" else _read_spreadsheet(path)
    except ImportError as error:
        raise CohortError(
            f"{path}: reading it needs the extra 'tables': pip install 'medical-transformer[tables]'. "
            "Or save the table as CSV."
        ) from error
    except Exception as error:
        # openpyxl, xlrd and pyarrow are optional, so that their errors cannot be named here, and on damaged files they
        # pass on whatever their zip, XML and struct readers raise.
        raise CohortError(f"{path} is not a readable table; {KINDS}.") from error
    body = [[_cell(value) for value in values] for values in frame.itertuples(index=False)]
    return [[str(column) for column in frame.columns], *body]


def _read_spreadsheet(path: Path) -> pd.DataFrame:
    """Read the sheet that is called Table, as in IXI.xls, or else the first."""
    with pd.ExcelFile(path) as book:
        return pd.read_excel(book, sheet_name=SHEET if SHEET in book.sheet_names else 0)


def _cell(value: object) -> str:
    """Return a spreadsheet's cell as text; a column of whole numbers with gaps arrives as 2.0."""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def _column_names(header: Sequence[str]) -> tuple[str, ...]:
    names: list[str] = []
    for position, cell in enumerate(header, start=1):
        name = " ".join(cell.split()) or f"column_{position}"
        names.append(name if name not in names else f"{name}.{position}")
    return tuple(names)


def _rows(path: Path, called: str, columns: Sequence[str], body: Sequence[Sequence[str]]) -> Iterator[TableRow]:
    for number, line in enumerate(body, start=2):
        if not line:
            continue
        if any(cell.strip() for cell in line[len(columns) :]):
            raise CohortError(
                f"{path} row {number} has {len(line)} cells under {len(columns)} columns; "
                "put texts that hold the separator in quotes."
            )
        cells = ((column, cell.strip()) for column, cell in zip(columns, line, strict=False))
        yield TableRow(called, number, {name: cell for name, cell in cells if cell.lower() not in MISSING})
