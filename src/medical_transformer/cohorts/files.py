"""The files below a folder: which are images, which are tables, which are junk."""

import os
import re
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

from medical_transformer.errors import CohortError

IMAGE_SUFFIXES = (".nii", ".nii.gz")
TABLE_SUFFIXES = (".csv", ".tsv", ".xls", ".xlsx", ".parquet")
OTHER_FORMATS = (".mgz", ".mgh", ".mnc", ".mha", ".mhd", ".nrrd", ".nhdr")
ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz", ".7z", ".rar")
OWN_FILES = frozenset({"cohort.tsv", "cohort.json", "ledger.tsv", "inspections.jsonl"})


def list_files(source: Path) -> tuple[Path, ...]:
    """Return every file below a folder, relative to it and sorted; linked folders are entered once.

    Raises:
        CohortError: if the folder does not exist, is a file or cannot be listed.
    """
    if not source.is_dir():
        found = "a file, not a folder" if source.is_file() else "not there"
        raise CohortError(f"{source} is {found}; give the folder that holds the scans.")
    return tuple(_walk(os.fspath(source), "", set()))


def _walk(source: str, below: str, entered: set[tuple[int, int]]) -> Iterator[Path]:
    """Yield the files of a folder in the order of their paths' parts.

    With texts and not with paths: of 50,000 folders, making a Path of each takes longer than listing them.
    """
    folder = f"{source}/{below}"
    try:
        status = os.stat(folder)  # noqa: PTH116
        with os.scandir(folder) as listed:
            found = sorted(listed, key=lambda entry: entry.name)
    except OSError as error:
        raise CohortError(f"{Path(folder)} cannot be listed ({error.strerror}); check its permissions.") from error
    if (status.st_dev, status.st_ino) in entered:
        return
    entered.add((status.st_dev, status.st_ino))
    for entry in found:
        if _is_folder(entry):
            yield from _walk(source, f"{below}{entry.name}/", entered)
        elif entry.name.isascii() or entry.name.encode(errors="replace").decode() == entry.name:
            yield Path(below + entry.name)
        else:
            raise CohortError(f"{source} holds a file whose name is no UTF-8: {below + entry.name!r}; rename it.")


def _is_folder(entry: "os.DirEntry[str]") -> bool:
    """Tell whether this is a folder or a link to one; a link that leads back to itself is none."""
    try:
        return entry.is_dir()
    except OSError:
        return False


def is_openable(path: Path) -> bool:
    """Tell whether a file can be opened without waiting: a named pipe blocks its reader until somebody writes.

    A link to nothing is openable; that it leads nowhere is said where it is opened.
    """
    try:
        return stat.S_ISREG(path.stat().st_mode)
    except OSError:
        return True


def is_junk(path: Path) -> bool:
    """Tell whether a file is hidden, as the `._` files are that macOS writes beside the real ones."""
    return path.name.startswith(".")


def is_image(path: Path) -> bool:
    """Tell whether a file is a NIfTI image by its name."""
    return path.name.lower().endswith(IMAGE_SUFFIXES) and not is_junk(path)


def is_table(path: Path) -> bool:
    """Tell whether a file is a table by its name, and not one that indexing wrote."""
    known = path.name.lower().endswith(TABLE_SUFFIXES)
    return known and not is_junk(path) and path.name not in OWN_FILES


def stem_of(path: Path) -> str:
    """Return the file's name without the suffix of an image."""
    return re.sub(r"\.(nii(\.gz)?|hdr|img)$", "", path.name, flags=re.IGNORECASE)


def file_safe(text: str) -> str:
    """Return a text that can name a file: other letters become `-`; empty where nothing is left."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", text).strip("-._")


def tables_near(source: Path, files: Iterable[Path], named: Path | None, beside: str) -> list[Path]:
    """Return the table that was named, or else those in the source and those beside it.

    Args:
        source: the folder that is indexed.
        files: its files, relative to it.
        named: the table that the person named.
        beside: what the names of tables beside the source look like, as a regular expression; others are not
            this data set's. Where a link is the source and a table lies beside it, none beside its target is asked.
    """
    if named is not None:
        return [named]
    every = ((path for path in folder.iterdir() if is_table(path)) for folder in parents_of(source))
    theirs = (sorted(path for path in there if re.search(beside, path.name)) for there in every)
    return [*(source / path for path in files if is_table(path)), *next(filter(None, theirs), [])]


def parents_of(source: Path) -> tuple[Path, ...]:
    """Return the folder in which a source lies: first as it was named, then, where that is a link, its target's."""
    return tuple(dict.fromkeys((as_named(source).parent, source.resolve().parent)))


def as_named(source: Path) -> Path:
    """Return the whole path of a source without following links, so that its parent is where the person sees it.

    Behind a link `..` leads to where the system sees it, so a path with one is resolved.
    """
    return source.resolve() if ".." in source.parts else source.absolute()


def item_of(path: Path, source: Path) -> str:
    """Return how the ledger calls a file: its path seen from the source, `../` where it lies beside."""
    if path.is_relative_to(source):
        return path.relative_to(source).as_posix()
    return Path(os.path.relpath(path.parent.resolve() / path.name, source.resolve())).as_posix()


def other_half(path: Path) -> Path | None:
    """Return the file that an image of two files also needs: `a.hdr` for `a.img`, and back; None for other files."""
    other = {".hdr": ".img", ".img": ".hdr", ".HDR": ".IMG", ".IMG": ".HDR"}.get(path.suffix)
    return None if other is None or is_junk(path) else path.with_suffix(other)


def halves(files: Iterable[Path]) -> dict[Path, Path]:
    """Return each file whose other half is not among the files, with what that would be called."""
    every = dict.fromkeys(files)
    others = ((path, other_half(path)) for path in every)
    return {path: other for path, other in others if other is not None and other not in every}


def why_half(other: Path) -> str:
    """Return the sentence about a file whose other half is not there."""
    return (
        f"Its other half {other.as_posix()} is missing, and an image of .hdr and .img needs both; fetch it, "
        "or take this file away."
    )


def why_shut(path: Path) -> str:
    """Return the sentence about a file that may hold images which are not read from it; else an empty text."""
    if path.name.lower().endswith(OTHER_FORMATS):
        return "An image of another format; convert it to NIfTI to have it indexed."
    return "An archive; unpack it to have images in it indexed." if path.name.lower().endswith(ARCHIVES) else ""


def why_unused(path: Path) -> str:
    """Return the sentence about a whole file that no reader asked for."""
    if path.name.startswith("._"):
        return "macOS wrote this beside the real file; it holds no image."
    if path.name in OWN_FILES:
        return "An earlier indexing wrote this."
    if is_junk(path):
        return "A hidden file."
    if is_image(path):
        return "An image whose name this layout does not know."
    if other_half(path):
        return "A pair of .hdr and .img that this layout does not take."
    other = "A table that this layout does not use." if is_table(path) else "Neither a NIfTI image nor a table."
    return why_shut(path) or other
