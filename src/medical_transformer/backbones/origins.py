"""Whose weights a network starts from: the file, its checksum and its terms."""

from dataclasses import dataclass

from medical_transformer.backbones.published_files import checksum, find
from medical_transformer.backbones.registry import BACKBONES


@dataclass(frozen=True, slots=True)
class Origin:
    """A file of weights that somebody else made, or an earlier training.

    Attributes:
        file: its name, without the folder.
        sha256: its checksum.
        terms: who published it, and its licence.
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
    return Origin(path.name, checksum(path), BACKBONES[name].weights)
