"""A cohort's quality on one page: every picture, sortable by every number, what stands out marked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined

from medical_transformer.cohorts import Verdict
from medical_transformer.cohorts.tables import write_text
from medical_transformer.preprocessing.quality import LIMITS, Limit

# A value so many robust standard deviations from the cohort's median is marked; in a cohort of normal values one in
# 1.7 million would be.
FAR = 5.0
# A median says little about fewer scans.
FEWEST = 20
BINS, WIDTH, HEIGHT = 56, 280.0, 46.0
TO_STANDARD_DEVIATION = 1.4826


@dataclass(frozen=True, slots=True)
class Row:
    """One scan on the page.

    Attributes:
        scan: its name.
        verdict: prepared, warned or refused.
        reason: the ledger's sentence.
        figure: path of its picture seen from the page, empty where there is none.
        numbers: the quality numbers, by `Limit.quantity`.
    """

    scan: str
    verdict: Verdict
    reason: str
    figure: str
    numbers: Mapping[str, float]


def write_quality_page(path: Path, name: str, rows: Sequence[Row]) -> None:
    """Write the page of a cohort; pictures stay where they are, beside it.

    Args:
        path: the page.
        name: the cohort.
        rows: its scans.
    """
    loader = PackageLoader("medical_transformer", "preprocessing/templates")
    environment = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    verdicts = (Verdict.PREPARED, Verdict.WARNED, Verdict.REFUSED)
    counts = {verdict: sum(row.verdict is verdict for row in rows) for verdict in verdicts}
    quantities = [_quantity(limit, values) for limit, values in _columns(rows)]
    page = environment.get_template("quality.html.j2").render(
        name=name,
        counts=counts,
        count=len(rows),
        quantities=quantities,
        sorting=_sorting(quantities),
        far=FAR,
        fewest=FEWEST,
        scans=[_card(row, quantities) for row in rows],
    )
    write_text(path, page)


def _columns(rows: Sequence[Row]) -> list[tuple[Limit, np.ndarray[Any, Any]]]:
    """Return each limit that some scan has a number for, with the numbers."""
    columns = []
    for limit in LIMITS:
        values = [row.numbers[limit.quantity] for row in rows if limit.quantity in row.numbers]
        if values:
            columns.append((limit, np.array(values)))
    return columns


def _quantity(limit: Limit, values: np.ndarray[Any, Any]) -> dict[str, Any]:
    median = float(np.median(values))
    spread = TO_STANDARD_DEVIATION * float(np.median(np.abs(values - median)))
    words = limit.words.removeprefix("the ")
    return {
        "key": limit.quantity,
        "words": words[0].upper() + words[1:],
        "good": _range(limit.good),
        "possible": "" if limit.possible == (0.0, float("inf")) else _range(limit.possible),
        "median": median,
        "spread": spread if len(values) >= FEWEST else 0.0,
        "least": float(values.min()),
        "most": float(values.max()),
        "chart": _chart(limit, values, median),
    }


def _sorting(quantities: Sequence[Mapping[str, Any]]) -> list[tuple[str, str]]:
    """Return key and words of what the scans can be sorted by, first that by which they are at the beginning.

    A distance from the median is there only where a median says something.
    """
    far = [("far", "distance from the median")] if any(one["spread"] for one in quantities) else []
    return [*far, *((one["key"], one["words"]) for one in quantities), ("scan", "name")]


def _range(ends: tuple[float, float]) -> str:
    low, high = ends
    return f"at least {low:g}" if high == float("inf") else f"{low:g} to {high:g}"


def _chart(limit: Limit, values: np.ndarray[Any, Any], median: float) -> dict[str, Any]:
    """Return the bars of a histogram, the band that needs no word and the median, in the chart's own units."""
    ends = [end for end in limit.good if np.isfinite(end)]
    low, high = min(*values, *ends), max(*values, *ends)
    margin = 0.02 * (high - low or 1.0)
    low, high = low - margin, high + margin
    counts, edges = np.histogram(values, BINS, (low, high))
    heights = (HEIGHT - 2) * np.sqrt(counts / counts.max())  # a single outlier must be seen

    def place(value: float) -> float:
        return round(float(np.clip((value - low) / (high - low), 0, 1)) * WIDTH, 1)

    bars = [(place(left), round(float(tall), 1)) for left, tall in zip(edges[:-1], heights, strict=True) if tall]
    band = (place(limit.good[0]), place(limit.good[1]))
    return {
        "width": WIDTH,
        "height": HEIGHT,
        "bar": round(WIDTH / BINS - 0.8, 1),
        "bars": bars,
        "band": (band[0], round(band[1] - band[0], 1)),
        "median": place(median),
    }


def _card(row: Row, quantities: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    far = {
        one["key"]: round(abs(row.numbers[one["key"]] - one["median"]) / one["spread"], 1)
        for one in quantities
        if one["key"] in row.numbers and one["spread"]
    }
    beyond = [limit.quantity for limit in LIMITS if _is_beyond(limit, row)]
    return {
        "scan": row.scan,
        "verdict": str(row.verdict),
        "reason": row.reason,
        "figure": row.figure,
        "numbers": {one["key"]: row.numbers[one["key"]] for one in quantities if one["key"] in row.numbers},
        "far": max(far.values(), default=0.0),
        "farKeys": [key for key, distance in far.items() if distance > FAR],
        "beyond": beyond,
    }


def _is_beyond(limit: Limit, row: Row) -> bool:
    return limit.quantity in row.numbers and limit.judge(row.numbers[limit.quantity]) is not Verdict.PREPARED
