"""Whose weights a network starts from: the file, its checksum and its terms."""

from dataclasses import dataclass
from pathlib import Path

from medical_transformer.backbones.published_files import checksum, find, is_fetched
from medical_transformer.backbones.registry import BACKBONES


@dataclass(frozen=True, slots=True)
class Origin:
    """A file of weights that somebody else made, or an earlier training.

    Attributes:
        file: its name, without the folder.
        sha256: its checksum.
        terms: who published it, and its licence; of a file that was given, only what they are if it is that one.
    """

    file: str
    sha256: str
    terms: str


def origin_of(given: str, name: str) -> Origin:
    """Describe the published weights that a backbone is given.

    Args:
        given: a file, or a name that is fetched.
        name: the backbone's name in the registry.

    Raises:
        WeightsError: if the file cannot be had.
    """
    path = find(given, name)
    return Origin(path.name, checksum(path), known_of(given, BACKBONES[name].weights))


def called(given: str) -> str:
    """Name the weights that a training starts from: published ones are those that were fetched from their publisher."""
    return f"{'the published weights' if is_fetched(given) else 'the file'} {Path(given).name!r}"


def known_of(given: str, published: str) -> str:
    """Return what is known of published weights: a fact of those that were fetched, a condition for any other file."""
    if is_fetched(given):
        return published
    return f"a file of the user, whose source was not checked; only if it is the published one, {published}"
