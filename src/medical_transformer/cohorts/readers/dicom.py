"""DICOM as scanners and archives export it, in folders and zips: the T1w series of each study, converted.

Everything is found by the headers, never by file names. Without a folder to write to, the series are only listed.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from medical_transformer.cohorts.cohort import Cohort
from medical_transformer.cohorts.columns import label_columns
from medical_transformer.cohorts.dicom import Choice, Series, choose, convert, find_instances, find_series, holds_dicom
from medical_transformer.cohorts.files import file_safe, item_of
from medical_transformer.cohorts.indexed import Indexed, LedgerDraft, counted, listing
from medical_transformer.cohorts.label_cells import notes_on_columns
from medical_transformer.cohorts.ledger import Verdict
from medical_transformer.cohorts.matching import require_match
from medical_transformer.cohorts.people import People, Person, account_for_rows, by_key, group_people, notes_on_rows
from medical_transformer.cohorts.raw_table import RawTable, read_raw_table
from medical_transformer.cohorts.scan import Scan
from medical_transformer.errors import CohortError

name = "dicom"

IMAGES = "images"


@dataclass(frozen=True, slots=True)
class _Table:
    """A table that was named, what its rows say about each scan, and notes on its columns."""

    raw: RawTable
    people: People
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Origin:
    """Where the series lie: a folder, or a zip in it that is a source of its own.

    Attributes:
        folder: the folder.
        archive: file name of the zip, empty where the folder is the source.
    """

    folder: Path
    archive: str

    @property
    def title(self) -> str:
        """What the source is called."""
        return Path(self.archive).stem if self.archive else self.folder.resolve().name

    def subject(self, series: Series) -> str:
        """Return the patient's identifier, or where it was taken out, the folder or zip right below the source."""
        first, *below = series.instances[0].item.removeprefix(f"{self.archive}/").split("/")
        place = re.sub(r"\.zip$", "", first, flags=re.IGNORECASE) if below else self.title
        return file_safe(series.patient) or file_safe(place) or "patient"


def recognises(source: Path, files: Sequence[Path]) -> bool:
    """Tell whether there is a DICOM file or a zip that holds one; this reader comes after that of plain folders."""
    return holds_dicom(source, files)


def read(
    source: Path, files: Sequence[Path], table: Path | None, out: Path | None = None, archive: str = ""
) -> Indexed:
    """Choose the T1w series of each study and convert it into `images/` of the cohort.

    Args:
        source: the folder.
        files: its files, relative to it.
        table: a table whose column names scans or patients; without it, age and sex come from the headers.
        out: the cohort's folder; None converts nothing and lists what would be taken.
        archive: name of the zip in the folder that is the source, where it is one.

    Raises:
        CohortError: if there is no series, the extra is missing, or the named table names none of the scans.
    """
    found, refused = find_series(source, find_instances(source, files))
    if not found and not refused:
        raise CohortError(f"{source} holds no DICOM series.")
    draft, origin = LedgerDraft(), _Origin(source, archive)
    for one in refused:
        draft.file(one.item, Verdict.SKIPPED if one.harmless else Verdict.REFUSED, one.reason)
    named = _named(_studies(found), origin)
    choices = {scan: choose(study) for scan, study in named.items()}
    scans = [
        scan for scan_name, of_study in choices.items() if (scan := _scan(scan_name, of_study, origin, out, draft))
    ]
    known = _known(scans, table, source, draft) if table else None
    scans = [_labelled(scan, known.people.get(scan.name)) for scan in scans] if known else scans
    read_files = {instance.file for series in found for instance in series.instances} | {Path(o.item) for o in refused}
    ledger = draft.finish([path for path in files if path not in read_files])
    root = source if out is None else out / IMAGES
    return Indexed(
        Cohort(origin.title, root, tuple(scans)),
        ledger,
        (_note_on_conversion(scans, found, out),),
        planned=out is None,
        about=lambda used: _notes(used, known),
    )


def _studies(found: Iterable[Series]) -> dict[str, list[Series]]:
    studies: dict[str, list[Series]] = {}
    for series in found:
        studies.setdefault(series.study, []).append(series)
    return studies


def _named(studies: Mapping[str, list[Series]], origin: _Origin) -> dict[str, list[Series]]:
    """Name each study by patient and day; a number follows where these agree."""
    named: dict[str, list[Series]] = {}
    for study in studies.values():
        day = study[0].day
        subject = origin.subject(study[0])
        wanted = f"{subject}_{day.isoformat()}" if day else subject
        scan, number = wanted, 2
        while scan in named:
            scan, number = f"{wanted}-{number}", number + 1
        named[scan] = study
    return named


def _scan(scan: str, choices: Sequence[Choice], origin: _Origin, out: Path | None, draft: LedgerDraft) -> Scan | None:
    taken = next((choice for choice in choices if choice.modality), None)
    subject = origin.subject(choices[0].series)
    for choice in choices:
        verdict = Verdict.USED if choice is taken else Verdict.SKIPPED
        draft.file(_item(choice.series), verdict, f"S{choice.series.title[1:]}: {choice.reason}", subject)
    if taken is None:
        draft.scan(scan, Verdict.SKIPPED, "None of its series is a T1w of a head.", subject)
        return None
    image = Path(f"{scan}_{taken.modality}.nii.gz")
    try:
        if out is not None:
            convert(taken.series, origin.folder, out / IMAGES / image)
    except CohortError as error:
        draft.scan(scan, Verdict.REFUSED, str(error), subject)
        return None
    done = "To be converted" if out is None else "Converted"
    draft.scan(scan, Verdict.USED, f"{done} from {taken.series.title}.", subject)
    day = taken.series.day
    return Scan(
        subject=subject,
        name=scan,
        images={taken.modality: image},
        session=day.isoformat() if day else None,
        labels=taken.series.labels(),
        source=_item(taken.series),
    )


def _item(series: Series) -> str:
    """Return how the ledger calls a series: the folder of its files, its number, and how many they are."""
    folder = series.instances[0].folder or "."
    return f"{folder} (series {series.number}, {counted(series.instances, 'file')})"


def _known(scans: Sequence[Scan], table: Path, source: Path, draft: LedgerDraft) -> _Table:
    """Return what a table says about the scans, under their names, and account for its rows."""
    raw = read_raw_table(table, item_of(table, source))
    match = require_match(raw, {scan.name: (Path(scan.subject),) for scan in scans})
    columns = label_columns(raw, (match.column,))
    people = group_people(raw, lambda row: match.rows.get(row.number), columns.read, columns.left_out)
    account_for_rows(raw, people, by_key(scans), source, draft)
    return _Table(raw, people, notes_on_columns(raw, columns))


def _labelled(scan: Scan, person: Person | None) -> Scan:
    """Give a scan the labels of its rows; what the table says goes before what the headers say."""
    if person is None:
        return scan
    return replace(scan, labels={**scan.labels, **person.merged.labels}, source=f"{scan.source}, {person.where}")


def _note_on_conversion(scans: Sequence[Scan], found: Sequence[Series], out: Path | None) -> str:
    studies = len({series.study for series in found})
    verb = "would be" if out is None else "was" if len(scans) == 1 else "were"
    done = f"{len(scans)} {verb} converted" + (
        "; give --out to do it" if out is None else f" into {IMAGES}/ of the cohort"
    )
    return f"{len(found)} series of {'1 study' if studies == 1 else f'{studies} studies'}; {done}."


def _notes(scans: Sequence[Scan], known: _Table | None) -> list[str]:
    notes = []
    kinds = Counter(modality for scan in scans for modality in scan.images)
    if kinds["T1ce"]:
        notes.append(f"{kinds['T1ce']} have only a T1 with contrast agent, taken as T1ce.")
    without = [scan.name for scan in scans if "age_years" not in scan.labels]
    if without:
        notes.append(f"Without an age in the header{' or the table' if known else ''}: {listing(without)}.")
    return [*notes, *known.notes, *notes_on_rows(known.raw, known.people, by_key(scans))] if known else notes
