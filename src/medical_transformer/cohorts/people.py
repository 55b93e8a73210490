"""What a table says about each person: rows brought together, and an account of every row."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from operator import attrgetter
from pathlib import Path

from medical_transformer.cohorts.files import item_of
from medical_transformer.cohorts.indexed import LedgerDraft, counted, listing
from medical_transformer.cohorts.labels import Label, Merged, merge
from medical_transformer.cohorts.ledger import KEPT_WITHOUT, Verdict
from medical_transformer.cohorts.raw_table import RawTable, TableRow
from medical_transformer.cohorts.scan import Scan


@dataclass(frozen=True, slots=True)
class Person:
    """What a table says under one key: its rows, and their labels merged.

    Attributes:
        rows: the rows, in the order of the table.
        told: the labels of each row.
        merged: labels that no row contradicts, and those that the rows disagree on.
        left_out: of each row, the words on cells that are no labels; empty where its reader does not tell.
    """

    rows: tuple[TableRow, ...]
    told: tuple[Mapping[str, Label], ...]
    merged: Merged
    left_out: tuple[tuple[str, ...], ...] = ()

    def against(self, row: TableRow) -> tuple[list[TableRow], list[str]]:
        """Return the rows that contradict a row, and the labels on which they do."""
        mine = next(labels for one, labels in zip(self.rows, self.told, strict=True) if one is row)
        disputed = {label: mine[label] for label in self.merged.conflicts if label in mine}
        found = {
            number: {label for label in disputed.keys() & labels.keys() if labels[label] != disputed[label]}
            for number, labels in enumerate(self.told)
        }
        rows = [self.rows[number] for number, labels in found.items() if labels]
        return rows, [label for label in disputed if any(label in labels for labels in found.values())]

    def told_by(self, row: TableRow) -> tuple[Mapping[str, Label], tuple[str, ...]]:
        """Return the labels of a row, and the words on its cells that are no labels."""
        number = next(number for number, one in enumerate(self.rows) if one is row)
        return self.told[number], self.left_out[number] if self.left_out else ()

    @property
    def where(self) -> str:
        """The first row of each table, as the ledger calls it."""
        firsts: dict[str, str] = {}
        for row in self.rows:
            firsts.setdefault(row.table, row.where)
        return ", ".join(firsts.values())


People = Mapping[str, Person]


def group_people(
    table: RawTable,
    key: Callable[[TableRow], str | None],
    labels: Callable[[TableRow], Mapping[str, Label]],
    left_out: Callable[[TableRow], tuple[str, ...]] = lambda _: (),
) -> dict[str, Person]:
    """Bring the rows of a table together under their keys; rows without a key are left out.

    Args:
        table: the table.
        key: whom a row is about.
        labels: the labels of a row.
        left_out: words on the cells of a row that are no labels.
    """
    rows: dict[str, list[TableRow]] = {}
    for row in table.rows:
        found = key(row)
        if found is not None:
            rows.setdefault(found, []).append(row)
    told = {one: tuple(labels(row) for row in several) for one, several in rows.items()}
    return {
        one: Person(tuple(several), told[one], merge(told[one]), tuple(map(left_out, several)))
        for one, several in rows.items()
    }


def what_is_known(person: Person | None, expected: Iterable[str] = ("age_years", "sex")) -> str:
    """Return the ledger's sentence about the labels of a scan."""
    if person is None:
        return f"{KEPT_WITHOUT} labels: no table has a row for it."
    if person.merged.conflicts:
        rows, conflicts = listing(row.where for row in person.rows), listing(person.merged.conflicts)
        return f"{KEPT_WITHOUT} {conflicts}: {rows} contradict each other."
    missing = [label for label in expected if label not in person.merged.labels]
    return f"{KEPT_WITHOUT} {' and '.join(missing)}: the table does not say." if missing else "Indexed with labels."


def account_for_rows(
    table: RawTable, people: People, found: Mapping[str, Sequence[Scan]], source: Path, draft: LedgerDraft
) -> None:
    """Say what became of the table and of each of its rows.

    Args:
        table: the table.
        people: its rows under their keys.
        found: key to the scans that were found for it.
        source: the folder that is indexed.
        draft: the ledger to say it in.
    """
    draft.file(item_of(table.path, source), Verdict.USED, f"The table of labels, {counted(table.rows, 'row')}.")
    told = {row.number: (key, person) for key, person in people.items() for row in person.rows}
    for row in table.rows:
        key, person = told.get(row.number, ("", None))
        if person is None:
            draft.row(row, Verdict.REFUSED, "The row does not say in a readable way whom it is about.")
        else:
            without = "" if key in found else why_no_scan(draft.met(key))
            scans = found.get(key, ())
            verdict, reason = _verdict(row, person, without)
            reason = with_left_out(reason, person.told_by(row)[1])
            draft.row(row, verdict, reason, _whose(key, scans), (scan.name for scan in scans))


def _whose(key: str, scans: Iterable[Scan]) -> str:
    """Return the subject of the scans that a row belongs to, or its key where that is not one."""
    subjects = {scan.subject for scan in scans}
    return subjects.pop() if len(subjects) == 1 else key


def by_key(scans: Iterable[Scan], key: Callable[[Scan], str] = attrgetter("name")) -> dict[str, list[Scan]]:
    """Return scans under the key by which a table knows them."""
    found: dict[str, list[Scan]] = {}
    for scan in scans:
        found.setdefault(key(scan), []).append(scan)
    return found


def why_no_scan(met: bool) -> str:
    """Return the ledger's sentence about a row to which no scan was found.

    Args:
        met: whether something is here that belongs to it.
    """
    if met:
        return "Its images are here, but none was taken; their own lines say why."
    return "No image that belongs to this row is here."


def _verdict(row: TableRow, person: Person, without: str) -> tuple[Verdict, str]:
    """Return what became of a row; `without` says why it has no scan, and is empty where it has one."""
    others = listing(str(other.number) for other in person.rows if other is not row)
    against, labels = person.against(row)
    if against:
        numbers = listing(str(other.number) for other in against)
        reason = f"Contradicts row {numbers} on {listing(labels)}, now left out."
        return (Verdict.SKIPPED, f"{reason} {without}") if without else (Verdict.USED, reason)
    if without:
        return Verdict.SKIPPED, without
    if person.merged.conflicts:
        return Verdict.USED, f"Merged with row {others}."
    if row is not person.rows[0]:
        return Verdict.SKIPPED, f"Repeats row {person.rows[0].number} without contradicting it."
    if others:
        return Verdict.USED, f"Merged with row {others}, which repeats it."
    return Verdict.USED, f"Gave {listing(person.told_by(row)[0]) or 'no label'}."


def with_left_out(reason: str, left_out: Sequence[str]) -> str:
    """Add to what became of a row which of its cells are no labels."""
    if not left_out:
        return reason
    words = "; ".join(left_out)
    return f"{reason.removesuffix('.')}; {words}." if reason.startswith("Gave") else f"{reason} Its {words}."


def notes_on_missing(scans: Collection[Scan], labels: Iterable[str]) -> list[str]:
    """Return a sentence for each label that some scans lack, with their names."""
    notes = []
    for label in labels:
        without = [scan.name for scan in scans if label not in scan.labels]
        if len(without) == len(scans):
            notes.append(f"No scan has a label {label}.")
        elif without:
            notes.append(f"{counted(without, 'scan')} without {label}: {listing(without)}.")
    return notes


def notes_on_rows(table: RawTable, people: People, with_scan: Collection[str]) -> list[str]:
    """Return sentences on rows about used scans that contradict each other, and on rows without a used scan."""
    notes = []
    conflicts = [
        f"{key} ({listing(person.merged.conflicts)})"
        for key, person in people.items()
        if person.merged.conflicts and key in with_scan
    ]
    if conflicts:
        notes.append(f"Rows of {table.path.name} contradict each other; left out are: {listing(conflicts)}.")
    absent = sum(key not in with_scan for key in people)
    if absent:
        have = "has" if absent == 1 else "have"
        notes.append(f"Of {counted(people, 'subject')} in {table.path.name}, {absent} {have} no scan that is used.")
    return notes


def of_one_kind(scans: Iterable[Scan]) -> tuple[Scan, ...]:
    """Return the scans with every label that is a text for some of them made a text for all."""
    found = tuple(scans)
    texts = {label for scan in found for label, value in scan.labels.items() if isinstance(value, str)}
    mixed = {label for scan in found for label in texts & scan.labels.keys() if not isinstance(scan.labels[label], str)}
    return tuple(_with_texts(scan, mixed) for scan in found) if mixed else found


def _with_texts(scan: Scan, labels: Collection[str]) -> Scan:
    return replace(
        scan, labels={label: _text(said) if label in labels else said for label, said in scan.labels.items()}
    )


def _text(value: Label) -> str:
    return value if isinstance(value, str) else f"{value:g}"
