"""What the tables of a BIDS data set say: `participants.tsv`, and `sub-01_sessions.tsv` of what changes in between."""

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from medical_transformer.cohorts.columns import SESSION_COLUMNS, SITE_COLUMNS, label_columns
from medical_transformer.cohorts.descriptions import describe
from medical_transformer.cohorts.files import item_of
from medical_transformer.cohorts.label_cells import notes_on_columns
from medical_transformer.cohorts.labels import Merged
from medical_transformer.cohorts.people import Person, group_people
from medical_transformer.cohorts.raw_table import RawTable, TableRow, read_raw_table

ID_COLUMNS = ("participant_id", "participant", "subject_id", "subject", "CCID", "sub_id", "id")
DAY_COLUMNS = ("acq_time",)


@dataclass(frozen=True, slots=True)
class PeopleTable:
    """One table: its rows under `sub-01` or, where it has sessions, `sub-01_ses-1`.

    Attributes:
        table: the table.
        people: key to what the rows say.
        site_column: the column of the site, if there is one.
        description: the JSON that says what its columns mean, if there is one.
        notes: sentences on how its columns were read.
    """

    table: RawTable
    people: Mapping[str, Person]
    site_column: str | None
    description: Path | None
    notes: tuple[str, ...]

    def key_of(self, subject: str, session: str | None) -> str | None:
        """Return the key that tells most of a session: its own, or else that of the subject."""
        keys = (f"{subject}_{session}", subject) if session else (subject,)
        return next((key for key in keys if key in self.people), None)


@dataclass(frozen=True, slots=True)
class DatasetTables:
    """The tables of one data set.

    Attributes:
        participants: participants.tsv, or the table that was named in its place.
        sessions: the tables of sessions, one per subject that has one.
        by_session: key of a session to what its own table says.
        site_columns: the columns of the site in any of them.
    """

    participants: PeopleTable | None
    sessions: tuple[PeopleTable, ...]
    by_session: Mapping[str, Person]
    site_columns: tuple[str, ...]

    @classmethod
    def of(cls, participants: PeopleTable | None, sessions: Sequence[PeopleTable]) -> Self:
        """Bring tables together."""
        every = [*([participants] if participants else []), *sessions]
        sites = dict.fromkeys(one.site_column for one in every if one.site_column)
        by_session = {key: person for one in sessions for key, person in one.people.items()}
        return cls(participants, tuple(sessions), by_session, tuple(sites))

    @property
    def every(self) -> tuple[PeopleTable, ...]:
        """All tables."""
        return (*([self.participants] if self.participants else []), *self.sessions)

    def person_of(self, subject: str, session: str | None) -> Person | None:
        """Return what is known at a session; what a table of sessions says goes before what participants.tsv says."""
        key = self.participants.key_of(subject, session) if self.participants else None
        lasting = self.participants.people[key] if self.participants and key else None
        own = self.by_session.get(f"{subject}_{session}")
        return _joined(lasting, own) if lasting and own else own or lasting

    def site_of(self, person: Person) -> str | None:
        """Return the site of a person, that of the session before that of participants.tsv."""
        found = (row.text(*self.site_columns) for row in reversed(person.rows))
        return next((site for site in found if site), None)


def read_sessions(source: Path, dataset: Path, files: Collection[Path], subjects: Iterable[str]) -> list[PeopleTable]:
    """Read `sub-01/sub-01_sessions.tsv` of every subject of a data set that has one.

    Raises:
        CohortError: if a table or the JSON beside it cannot be read.
    """
    titles = ((subject, dataset / subject / f"{subject}_sessions.tsv") for subject in sorted(subjects))
    return [_sessions(source, dataset, title, subject) for subject, title in titles if title in files]


def read_participants(path: Path, source: Path, subjects: Collection[str], codes: Mapping[str, str]) -> PeopleTable:
    """Read participants.tsv, or the table that was named in its place.

    Args:
        path: the table.
        source: the folder that is indexed.
        subjects: the subjects with images, such as `sub-001`; the table may have dropped zeros.
        codes: what codes for the sexes mean where participants.json does not say.
    """
    raw = read_raw_table(path, item_of(path, source))
    id_column, session_column = raw.require(*ID_COLUMNS), raw.column(*SESSION_COLUMNS)
    unpadded = {_unpadded(subject): subject for subject in subjects}

    def key(row: TableRow) -> str | None:
        identifier, session = row.text(id_column), row.text(session_column) if session_column else None
        if identifier is None:
            return None
        subject = "sub-" + identifier.removeprefix("sub-")
        subject = subject if subject in subjects else unpadded.get(_unpadded(subject), subject)
        return f"{subject}_ses-{session.removeprefix('ses-')}" if session else subject

    return _people_table(raw, path.with_suffix(".json"), key, (id_column, session_column), codes)


def _sessions(source: Path, dataset: Path, title: Path, subject: str) -> PeopleTable:
    raw = read_raw_table(source / title, title.as_posix())
    session_column = raw.require(*SESSION_COLUMNS)

    def key(row: TableRow) -> str | None:
        session = row.text(session_column)
        return f"{subject}_ses-{session.removeprefix('ses-')}" if session else None

    own, shared = source / title.with_suffix(".json"), source / dataset / "sessions.json"
    return _people_table(raw, own if own.is_file() else shared, key, (session_column, raw.column(*DAY_COLUMNS)), {})


def _people_table(
    raw: RawTable,
    description: Path,
    key: Callable[[TableRow], str | None],
    taken: Iterable[str | None],
    codes: Mapping[str, str],
) -> PeopleTable:
    described = describe(raw, description)
    site = raw.column(*SITE_COLUMNS)
    columns = label_columns(described.table, (*taken, site), described.sex_codes or codes)
    people = group_people(described.table, key, columns.read, columns.left_out)
    notes = (*described.notes, *notes_on_columns(described.table, columns))
    return PeopleTable(described.table, people, site, described.path, notes)


def _unpadded(subject: str) -> str:
    """Return `sub-1` for `sub-001`: spreadsheets drop leading zeros."""
    return re.sub(r"^sub-0+(?=\d+$)", "sub-", subject)


def _joined(lasting: Person, own: Person) -> Person:
    labels = {**lasting.merged.labels, **own.merged.labels}
    still = (label for label in lasting.merged.conflicts if label not in own.merged.labels)
    labels = {label: said for label, said in labels.items() if label not in own.merged.conflicts}
    return Person(
        (*lasting.rows, *own.rows),
        (*lasting.told, *own.told),
        Merged(labels, (*still, *own.merged.conflicts)),
        (*lasting.left_out, *own.left_out),
    )
