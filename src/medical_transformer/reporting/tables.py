"""What the terminal shows of a result."""

from rich.table import Table

from medical_transformer.evaluation import EvaluationResult
from medical_transformer.reporting import words


def result_table(result: EvaluationResult) -> Table:
    """Return a table of all scores, the primary one first and bold, the sample in the caption."""
    summary = result.summary()
    level = next((one.interval.level for one in summary.values() if one.interval), 0.95)
    table = Table(
        title=f"{result.task.capitalize()}: {words.label_words(result)}",
        caption=f"{words.sample_words(result)}; {result.parameters / 1e6:.3f} M weights",
        title_justify="left",
        caption_justify="left",
    )
    for heading in ("Score", "Mean ± SD over folds", "Pooled", f"{level * 100:g} % CI"):
        table.add_column(heading, justify="left" if heading == "Score" else "right")
    for name, one in summary.items():
        known = words.words_of(name)
        unit = f" ({result.unit})" if known.has_unit and result.unit else ""
        table.add_row(
            known.short + unit,
            words.mean_and_spread(one, known.digits),
            "–" if one.pooled is None else words.number(one.pooled, known.digits),
            words.interval_words(one.interval, known.digits),
            style="bold" if name == result.primary_metric else None,
        )
    return table
