"""Tables 1, 3, 4 and 5 of the paper, filled with what was measured."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from medical_transformer.evaluation import Ablation, Cell, MethodFacts
from medical_transformer.reporting import words
from medical_transformer.reporting.comparison import published
from medical_transformer.reporting.comparison.grid import MISSING, Entry, Grid, Row
from medical_transformer.reporting.comparison.summary import ComparisonSummary
from medical_transformer.reporting.comparison.wording import (
    OTHER_DATA,
    column_name,
    is_better,
    mean_entry,
    missing_words,
    percent,
    search_notes,
    task_name,
)

OVER = "Mean ± standard deviation over folds and seeds"
PAPERS_OWN = published.paper_name("transfer")
NOT_ALIKE = "They differ in more than the transformer (start, head or training), so the difference is not its alone."
GROUPS = {"none": "No pre-training", "supervised": "Supervised", "self-supervised": "Self-supervised"}


def table_1(summary: ComparisonSummary) -> Grid:
    """Return all methods on all tasks with the whole of the labels, grouped by the kind of their pre-training."""
    columns = _columns(summary)
    rows = [
        Row(method.title, tuple(_entry(summary, method.name, *one) for one in columns), _group(method))
        for method in _grouped(summary.trials.methods)
    ]
    return Grid(
        name="table-1",
        title="Table 1. Methods and tasks",
        caption=f"{OVER}; the best of a column is bold.",
        heading="Approach",
        group_heading="Pre-training",
        columns=_headings(summary),
        rows=tuple(_with_best(rows, columns)),
        beside="paper",
        prefix="paper",
        notes=(*_notes(summary), *search_notes(summary)),
    )


def table_3(summary: ComparisonSummary) -> Grid:
    """Return trainable weights per method and task, in millions."""
    tasks = summary.trials.tasks
    rows = [
        Row(method.title, tuple(_weights(summary, method, task) for task in tasks))
        for method in summary.trials.methods
        if method.parameters
    ]
    return Grid(
        name="table-3",
        title="Table 3. Trainable weights",
        caption="Counted from the networks that were trained; the fewest of a column are bold. "
        "The paper's figure stands beside networks of the size that it counted.",
        heading="Approach",
        columns=tuple(task_name(task) for task in tasks),
        rows=tuple(rows),
        beside="paper",
        prefix="paper",
    )


def table_4(summary: ComparisonSummary, scratch: str) -> Grid | None:
    """Return the methods that learned from shares of the labels; None if none did."""
    columns, shares = _columns(summary), summary.shares
    several = [
        method
        for method in summary.trials.methods
        if any(
            (method.name, task, share) in {*summary.cells, *summary.planned}
            for task, _ in columns
            for share in shares
            if share < 1
        )
    ]
    if not several:
        return None
    rows = [
        Row(
            percent(share), tuple(_reaching(summary, method.name, one, share, scratch) for one in columns), method.title
        )
        for method in several
        for share in shares
    ]
    return Grid(
        name="table-4",
        title="Table 4. Shares of the training labels",
        caption=f"{OVER}. Bold: reaches with a part of the labels what {_title(summary, scratch)} reaches with all.",
        heading="Share",
        group_heading="Scheme",
        columns=_headings(summary),
        rows=tuple(rows),
        beside="paper",
        prefix="paper",
        notes=(*_notes(summary), *search_notes(summary, shares=True)),
    )


def table_5(summary: ComparisonSummary) -> Grid | None:
    """Return the network without and with its transformer; None where that was not tried."""
    ablation = summary.trials.ablation
    if ablation is None:
        return None
    rows = [
        Row(words.words_of(metric).short, _with_and_without(summary, ablation, task, metric), task_name(task))
        for task, metric in _columns(summary)
    ]
    without, complete = (_title(summary, name) for name in (ablation.without, ablation.complete))
    told = f"Without transformer: {without}. With transformer: {complete}."
    return Grid(
        name="table-5",
        title="Table 5. With and without transformer",
        caption=f"{OVER}; the better one is bold. The difference is without minus with, of pooled scores.",
        heading="Measure",
        group_heading="Task",
        columns=("Without transformer", "With transformer", "Difference (95 % CI)"),
        rows=tuple(rows),
        beside="paper",
        prefix="paper",
        notes=(
            told if ablation.alike else f"{told} {NOT_ALIKE}",
            *_notes(summary, any(one.beside for row in rows for one in row.entries)),
        ),
    )


def _columns(summary: ComparisonSummary) -> tuple[tuple[str, str], ...]:
    return tuple((task, metric) for task in summary.trials.tasks for metric in summary.headline(task))


def _headings(summary: ComparisonSummary) -> tuple[str, ...]:
    return tuple(f"{task_name(task)}: {column_name(summary, task, metric)}" for task, metric in _columns(summary))


def _entry(summary: ComparisonSummary, method: str, task: str, metric: str, share: float = 1.0) -> Entry:
    """Return a cell's mean and spread, with what the paper has in this place."""
    entry = mean_entry(summary, method, task, metric, share)
    if not published.is_papers_task(summary.result(task)):
        return entry
    name = published.paper_name(method)
    if name == "no-transformer":
        rows: Mapping[str, published.Figure] = published.WITHOUT_TRANSFORMER
    else:
        rows = published.TABLE_4.get((name, share), published.TABLE_1.get(name, {}) if share == 1 else {})
    return replace(entry, beside=_printed(rows.get(metric), metric, summary.is_same_data(task)))


def _printed(figure: published.Figure | None, metric: str, same: bool) -> str:
    if figure is None:
        return ""
    digits = words.words_of(metric).digits
    return f"{figure[0]:.{digits}f} ± {figure[1]:.{digits}f}{'' if same else ' †'}"


def _with_best(rows: list[Row], columns: tuple[tuple[str, str], ...]) -> Iterator[Row]:
    best = [_best([row.entries[k] for row in rows], metric) for k, (_, metric) in enumerate(columns)]
    for row in rows:
        yield replace(
            row,
            entries=tuple(replace(one, best=_value(one) == top) for one, top in zip(row.entries, best, strict=True)),
        )


def _best(entries: list[Entry], metric: str) -> float | None:
    values = [value for one in entries if (value := _value(one)) is not None]
    if not values or not words.words_of(metric).better:
        return None
    return max(values) if words.words_of(metric).better == "higher" else min(values)


def _value(entry: Entry) -> float | None:
    """Return the mean as it is printed, so that what looks the same is bold together."""
    try:
        return float(entry.text.split(" ")[0].replace("−", "-"))
    except ValueError:
        return None


def _reaching(summary: ComparisonSummary, method: str, column: tuple[str, str], share: float, scratch: str) -> Entry:
    entry = _entry(summary, method, *column, share)
    task, metric = column
    ours, whole = summary.cell(method, task, share), summary.cell(scratch, task)
    if method == scratch or share == 1 or ours is None or whole is None:
        return entry
    return replace(entry, best=is_better(metric, _mean(ours, metric), _mean(whole, metric)))


def _mean(cell: Cell, metric: str) -> float:
    return cell.scores[metric].mean if metric in cell.scores else float("nan")


def _with_and_without(summary: ComparisonSummary, ablation: Ablation, task: str, metric: str) -> tuple[Entry, ...]:
    pair = [_entry(summary, method, task, metric) for method in (ablation.without, ablation.complete)]
    if published.paper_name(ablation.complete) != PAPERS_OWN:  # the paper's two were pre-trained
        pair = [replace(one, beside="") for one in pair]
    best = _best(pair, metric)
    compared = (one.comparison for one in summary.ablation if one.task == task)
    found = next((one for one in compared if one.metric == metric), None)
    digits = words.words_of(metric).digits
    text = Entry()
    if found is not None:
        interval = words.interval_words(found.interval, digits)
        text = Entry(f"{words.number(found.difference, digits)} ({interval})")
    return (*(replace(one, best=best is not None and _value(one) == best) for one in pair), text)


def _weights(summary: ComparisonSummary, method: MethodFacts, task: str) -> Entry:
    count = _count(summary, method, task)
    counts = [_count(summary, one, task) for one in summary.trials.methods]
    printed = method.printed.get(summary.result(task).task)
    return Entry(
        text=MISSING if count is None else f"{count:,}" if count < 10_000 else f"{count / 1e6:.3f} M",
        best=count is not None and count == min(one for one in counts if one is not None),
        beside=f"{printed} M" if printed else "",
    )


def _count(summary: ComparisonSummary, method: MethodFacts, task: str) -> int | None:
    return method.parameters.get(task, method.parameters.get(summary.result(task).task))


def _group(method: MethodFacts) -> str:
    return GROUPS.get(method.group, method.group)


def _grouped(methods: tuple[MethodFacts, ...]) -> list[MethodFacts]:
    order = list(dict.fromkeys(method.group for method in methods))
    return sorted(methods, key=lambda method: order.index(method.group))


def _title(summary: ComparisonSummary, name: str) -> str:
    return next((method.title for method in summary.trials.methods if method.name == name), name)


def _notes(summary: ComparisonSummary, printed: bool = True) -> tuple[str, ...]:
    """Return what is missing, and where the paper's figures are printed, whether they are of other data."""
    asked = [task for task in summary.trials.tasks if published.is_papers_task(summary.result(task))]
    other = printed and any(not summary.is_same_data(task) for task in asked)
    return tuple(one for one in (OTHER_DATA if other else "", missing_words(summary)) if one)
