"""Tables as the data sets ship them: comma-separated, with their very own headers."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from medical_transformer.cohorts.tables import write_text


def write_csv(
    path: Path, columns: Sequence[str], rows: Iterable[Mapping[str, object]], *, quote_all: bool = False
) -> None:
    """Write rows under a header; a column that a row lacks stays empty."""
    text = io.StringIO()
    writer = csv.DictWriter(
        text,
        columns,
        restval="",
        lineterminator="\n",
        quoting=csv.QUOTE_ALL if quote_all else csv.QUOTE_MINIMAL,
    )
    writer.writeheader()
    writer.writerows(rows)
    write_text(path, text.getvalue())
