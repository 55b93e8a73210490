"""DICOM series: instances that were taken together, and what their headers say."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

from medical_transformer.cohorts.dicom.finding import Instance, Refused
from medical_transformer.cohorts.labels import Label, as_sex, plausible, present
from medical_transformer.errors import CohortError

TAGS = [
    *("PatientID", "PatientSex", "PatientAge", "PatientBirthDate"),
    *("StudyInstanceUID", "StudyDate", "SOPClassUID", "Modality", "ImageType"),
    *("SeriesInstanceUID", "SeriesNumber", "SeriesDescription", "ProtocolName", "ContrastBolusAgent"),
    *("MRAcquisitionType", "ScanningSequence", "RepetitionTime", "EchoTime", "SliceThickness", "NumberOfFrames"),
]
DIRECTORY = "1.2.840.10008.1.3.10"
DAYS_PER_YEAR = 365.25


@dataclass(frozen=True, slots=True)
class Series:
    """One series of one study.

    Attributes:
        instances: its files.
        header: the header of the first of them, pixels left out.
        slices: how many images it holds.
    """

    instances: tuple[Instance, ...]
    header: Any
    slices: int

    @property
    def study(self) -> str:
        """The occasion on which it was taken."""
        return self.text("StudyInstanceUID")

    @property
    def patient(self) -> str:
        """The patient's identifier; empty where it was taken out."""
        return self.text("PatientID")

    @property
    def day(self) -> date | None:
        """The day of the study."""
        return _day(self.text("StudyDate"))

    @property
    def number(self) -> int:
        """The number by which the scanner calls it."""
        return int(self.value("SeriesNumber") or 0)

    @property
    def title(self) -> str:
        """How a sentence calls it: `series 3 'MPRAGE'`."""
        return f"series {self.number} {self.text('SeriesDescription') or self.text('ProtocolName') or 'unnamed'!r}"

    @property
    def words(self) -> str:
        """What people called it, in small letters."""
        return f"{self.text('SeriesDescription')} {self.text('ProtocolName')}".casefold()

    @property
    def kinds(self) -> frozenset[str]:
        """The words of its ImageType, such as ORIGINAL, PRIMARY, LOCALIZER, and of its ScanningSequence."""
        return frozenset(str(word).upper() for word in self._list("ImageType"))

    @property
    def sequence(self) -> frozenset[str]:
        """Its scanning sequence, such as GR or SE with IR."""
        return frozenset(str(word).upper() for word in self._list("ScanningSequence"))

    def labels(self) -> dict[str, Label]:
        """Return age at the study and sex."""
        return present({"age_years": plausible("age_years", self._age()), "sex": as_sex(self.text("PatientSex"))})

    def text(self, tag: str) -> str:
        """Return what a tag says as text, empty where it is absent."""
        return str(self.header.get(tag) or "").strip()

    def value(self, tag: str) -> float | None:
        """Return what a tag says as a number, None where it is absent or none."""
        try:
            return float(self.header.get(tag))
        except (TypeError, ValueError):
            return None

    def _list(self, tag: str) -> list[Any]:
        found = self.header.get(tag) or []
        return [found] if isinstance(found, str) else list(found)

    def _age(self) -> float | None:
        born, told = _day(self.text("PatientBirthDate")), self.text("PatientAge")
        if born and self.day:
            return round((self.day - born).days / DAYS_PER_YEAR, 2)
        return float(told[:3]) if told[:3].isdecimal() and told.endswith("Y") else None


def find_series(source: Path, found: Iterable[Instance | Refused]) -> tuple[list[Series], list[Refused]]:
    """Bring instances together to series; what cannot be read is returned beside them.

    Raises:
        CohortError: if pydicom is not installed.
    """
    members: dict[str, list[tuple[Instance, Any]]] = {}
    refused: list[Refused] = []
    for one in found:
        header = _header(one, source) if isinstance(one, Instance) else one
        if isinstance(header, Refused):
            refused.append(header)
        elif isinstance(one, Instance):
            members.setdefault(str(header.SeriesInstanceUID), []).append((one, header))
    series = [_series(several) for several in members.values()]
    return sorted(series, key=lambda one: (one.patient, one.text("StudyDate"), one.study, one.number)), refused


def _series(several: list[tuple[Instance, Any]]) -> Series:
    frames = sum(int(header.get("NumberOfFrames") or 1) for _, header in several)
    return Series(tuple(instance for instance, _ in several), several[0][1], frames)


def _header(one: Instance, source: Path) -> Any:
    """Return the header of an instance, or why it has none."""
    try:
        from pydicom import dcmread  # noqa: PLC0415
        from pydicom.errors import InvalidDicomError  # noqa: PLC0415
    except ImportError as error:
        raise CohortError(
            f"{source} holds DICOM; reading it needs the extra 'dicom': pip install 'medical-transformer[dicom]'."
        ) from error
    with one.open(source) as file:
        try:
            header = dcmread(file, stop_before_pixels=True, specific_tags=TAGS)
        except (InvalidDicomError, EOFError, ValueError):
            return Refused(one.item, "Its DICOM header cannot be read; export it again.")
    if header.get("SOPClassUID") == DIRECTORY or "SeriesInstanceUID" not in header:
        return Refused(one.item, "It holds no image (a directory of the disc, or a report).", harmless=True)
    return header


def _day(text: str) -> date | None:
    try:
        return datetime.strptime(text, "%Y%m%d").date()
    except ValueError:
        return None
