"""One page that leads to several reports."""

from collections.abc import Mapping
from pathlib import Path

from medical_transformer.cohorts.tables import write_text
from medical_transformer.evaluation import EvaluationResult
from medical_transformer.reporting.report import headline, page_template


def write_overview(
    path: Path, title: str, results: Mapping[str, EvaluationResult], reports: Mapping[str, Path]
) -> None:
    """Write a page with the headline of each result and a link to its report.

    Args:
        path: where the page goes.
        title: of the page.
        results: by name.
        reports: each result's report, relative to the page's folder.
    """
    rows = [
        {"name": name, "headline": headline(result, result.summary()), "link": reports[name].as_posix()}
        for name, result in results.items()
    ]
    write_text(path, page_template("overview.html.j2").render(title=title, rows=rows))
