"""DICOM files, whatever they are called, in folders and inside zips that stay packed."""

import zipfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import IO

from medical_transformer.cohorts.files import is_image, is_junk, is_table

MAGIC, MAGIC_AT = b"DICM", 128
SUFFIXES = (".dcm", ".ima", ".dicom")


@dataclass(frozen=True, slots=True)
class Instance:
    """One DICOM file, usually one slice.

    Attributes:
        file: the file, or the zip that holds it, relative to the source.
        member: its name inside the zip; empty for a file of its own.
    """

    file: Path
    member: str = ""

    @property
    def item(self) -> str:
        """How the ledger calls it."""
        return f"{self.file.as_posix()}/{self.member}" if self.member else self.file.as_posix()

    @property
    def folder(self) -> str:
        """The folder it lies in, as the ledger calls it."""
        return self.item.rpartition("/")[0]

    @contextmanager
    def open(self, source: Path) -> Iterator[IO[bytes]]:
        """Open it for reading, without unpacking the zip."""
        if not self.member:
            with (source / self.file).open("rb") as file:
                yield file
        else:
            path = source / self.file
            with _archive(path, path.stat().st_mtime_ns).open(self.member) as file:
                yield file


@lru_cache(maxsize=1)
def _archive(path: Path, changed_ns: int) -> zipfile.ZipFile:
    """Keep the last zip open: its table of contents is read once and not for every slice."""
    return zipfile.ZipFile(path)


@dataclass(frozen=True, slots=True)
class Refused:
    """A file or a member of a zip that is not read, and why.

    Attributes:
        item: how the ledger calls it.
        reason: a sentence.
        harmless: whether nothing is wrong with it, as with the directory of a disc.
    """

    item: str
    reason: str
    harmless: bool = False


def is_zip(path: Path) -> bool:
    """Tell whether a file is a zip by its name."""
    return path.suffix.lower() == ".zip" and path.is_file()


def holds_dicom(source: Path, files: Iterable[Path]) -> bool:
    """Tell whether one of the files of a folder is DICOM, or a zip that holds it."""
    return any(isinstance(found, Instance) for found in find_instances(source, files))


def find_instances(source: Path, files: Iterable[Path]) -> Iterator[Instance | Refused]:
    """Yield every DICOM file below a folder, and every zip or member that cannot be read."""
    for path in files:
        if is_junk(path) or is_image(path) or is_table(path):
            continue
        if path.suffix.lower() == ".zip":
            yield from _in_zip(source, path)
        elif (source / path).is_file():  # a link to nothing, or a pipe, is left to the ledger's last lines
            yield from _alone(source, path)


def _alone(source: Path, path: Path) -> Iterator[Instance | Refused]:
    try:
        with (source / path).open("rb") as file:
            if _is_dicom(path.name, file):
                yield Instance(path)
    except OSError as error:
        yield Refused(path.as_posix(), f"It cannot be read ({error.strerror}); check the disk and its permissions.")


def _in_zip(source: Path, path: Path) -> Iterator[Instance | Refused]:
    try:
        with zipfile.ZipFile(source / path) as archive:
            for info in archive.infolist():
                if not info.is_dir():
                    yield from _member(archive, info, path)
    except zipfile.BadZipFile:
        yield Refused(path.as_posix(), "It is no readable zip; fetch it again.")


def _member(archive: zipfile.ZipFile, info: zipfile.ZipInfo, path: Path) -> Iterator[Instance | Refused]:
    instance = Instance(path, info.filename)
    if _leaves(info.filename):
        yield Refused(instance.item, "Its name leaves the folder of the zip, as no export does; it is not read.")
        return
    if is_junk(Path(info.filename)):
        return
    if info.flag_bits & 1:
        yield Refused(instance.item, "It is encrypted; unpack the zip with its password first.")
        return
    with archive.open(info) as file:
        if _is_dicom(info.filename, file):
            yield instance


def _leaves(member: str) -> bool:
    """Tell whether a name in a zip points out of the folder it would be unpacked to."""
    parts = PurePosixPath(member.replace("\\", "/")).parts
    return ".." in parts or member.startswith(("/", "\\")) or (bool(parts) and parts[0].endswith(":"))


def _is_dicom(name: str, file: IO[bytes]) -> bool:
    """Tell a DICOM file by its mark, which most have whatever they are called, or by its suffix."""
    head = file.read(MAGIC_AT + len(MAGIC))
    return head[MAGIC_AT:] == MAGIC or (name.lower().endswith(SUFFIXES) and len(head) > MAGIC_AT)
