"""Finding the same scan under two names, by what the prepared brains look like.

Bytes tell a copy, voxels a copy under another header; a head that was exported again, resampled or corrected
otherwise is told by its anatomy alone.

Measured on the 145 IXI heads: two people agree by 0.48 on average, 0.665 at most, but for one pair of 0.761: two
women born on the same day and scanned on the same day, most likely identical twins. The same head agrees with itself
by 0.96 to 0.99, at 1.5 mm by 0.94 or more, with noise of 5 % by 0.92, at 3 mm by 0.86 or more
(`python benchmarks/geometry.py doubles`).
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Int8

from medical_transformer.preprocessing.template import COARSE, load_template
from medical_transformer.volumes import Volume, average_pool, resample
from medical_transformer.volumes.whole_files import write_bytes

SPACING_MM = 8
# Values beyond this many standard deviations are clipped, so that a byte holds each.
MOST_DEVIATIONS = 4.0
SAME_HEAD = 0.82
# Scans that are compared at a time: 10,000 scans need 25 products of 2,000 x 2,000.
BLOCK = 2000

Signature = Int8[np.ndarray[Any, Any], "place"]


def signature(volume: Volume) -> Signature:
    """Return in what a prepared brain differs from the template, at 8 mm, one byte per place inside the brain.

    Args:
        volume: a prepared T1w brain in template space.
    """
    grid, inside, template = _places()
    coarse = resample(average_pool(volume, max(1, SPACING_MM // round(volume.spacing_mm[0]))), grid)
    values = coarse.voxels[inside]
    design = np.column_stack([template, np.ones_like(template)])
    rest = values - design @ np.linalg.lstsq(design, values, rcond=None)[0]
    scaled = rest / max(float(rest.std()), 1e-6) * (127 / MOST_DEVIATIONS)
    signed: Signature = np.clip(np.rint(scaled), -127, 127).astype(np.int8)
    return signed


@dataclass(frozen=True, slots=True)
class Double:
    """Two scans of different subjects that seem to be one.

    Attributes:
        one: the first scan's name.
        other: the second scan's name.
        similarity: of their signatures, at most 1.
    """

    one: str
    other: str
    similarity: float

    def sentence(self, about: str) -> str:
        """Say of one of the two which other scan it resembles."""
        other = self.other if about == self.one else self.one
        return (
            f"Looks like the scan {other} of another subject (similarity {self.similarity:.2f}): the same head twice?"
        )


@dataclass(frozen=True, slots=True)
class Compared:
    """Signatures that were compared with one another, so that only new ones need be.

    Attributes:
        digests: scan to a digest of its signature.
        pairs: all that agree by `SAME_HEAD` or more, also of one subject.
    """

    digests: Mapping[str, str] = field(default_factory=dict)
    pairs: tuple[Double, ...] = ()


def compare(signatures: Mapping[str, Signature], before: Compared) -> Compared:
    """Compare signatures, each pair of which one is new; what was found between unchanged ones is taken over.

    Comparing all of 50,000 takes minutes, and a resumed run has few new ones.
    """
    digests = {name: blake2b(one.tobytes(), digest_size=8).hexdigest() for name, one in signatures.items()}
    old = {name for name, digest in digests.items() if before.digests.get(name) == digest}
    known = (pair for pair in before.pairs if pair.one in old and pair.other in old)
    names = [*(name for name in signatures if name not in old), *(name for name in signatures if name in old)]
    place = {name: number for number, name in enumerate(signatures)}
    found = _similar([signatures[name] for name in names], len(names) - len(old))
    new = (_in_order(Double(names[one], names[other], alike), place) for one, other, alike in found)
    return Compared(digests, tuple(sorted((*known, *new), key=lambda pair: (place[pair.one], place[pair.other]))))


def _in_order(pair: Double, place: Mapping[str, int]) -> Double:
    return pair if place[pair.one] < place[pair.other] else Double(pair.other, pair.one, pair.similarity)


def load_compared(path: Path) -> Compared:
    """Read what `save_compared` wrote; nothing where it is not there or damaged, and all are compared again."""
    try:
        digests, pairs = json.loads(path.read_text(encoding="utf-8"))
        return Compared(dict(digests), tuple(Double(str(a), str(b), float(similarity)) for a, b, similarity in pairs))
    except (FileNotFoundError, ValueError, TypeError):
        return Compared()


def save_compared(compared: Compared, path: Path) -> None:
    """Write what was compared."""
    pairs = [(pair.one, pair.other, pair.similarity) for pair in compared.pairs]
    write_bytes(path, json.dumps([compared.digests, pairs]).encode())


def find_doubles(
    signatures: Mapping[str, Signature], subjects: Mapping[str, str], kept: Path | None = None
) -> tuple[Double, ...]:
    """Return the pairs of scans of different subjects that agree by `SAME_HEAD` or more, in the scans' order.

    Args:
        signatures: scan to signature.
        subjects: scan to subject; scans of one subject are expected to agree.
        kept: the file that keeps what was compared for the next run.
    """
    compared = compare(signatures, load_compared(kept) if kept else Compared())
    if kept:
        save_compared(compared, kept)
    return tuple(pair for pair in compared.pairs if subjects[pair.one] != subjects[pair.other])


def find_copies(hashes: Mapping[str, str], subjects: Mapping[str, str]) -> tuple[Double, ...]:
    """Return the pairs of scans of different subjects whose prepared voxels have the same hash.

    Args:
        hashes: scan to the content hash of what was written; empty ones are left out.
        subjects: scan to subject.
    """
    first: dict[str, str] = {}
    pairs = [(first.setdefault(hashed, name), name) for name, hashed in hashes.items() if hashed]
    return tuple(Double(one, other, 1.0) for one, other in pairs if subjects[one] != subjects[other])


def _similar(signatures: Sequence[Signature], new: int) -> Iterator[tuple[int, int, float]]:
    """Yield pairs of the first `new` signatures with all, by one matrix product per two blocks."""
    for first in range(0, new, BLOCK):
        rows = _unit(signatures[first : min(first + BLOCK, new)])
        for second in range(first, len(signatures), BLOCK):
            agreement = rows @ _unit(signatures[second : second + BLOCK]).T
            for row, column in np.argwhere(agreement >= SAME_HEAD):
                if first + row < second + column:
                    yield int(first + row), int(second + column), min(float(agreement[row, column]), 1.0)


def _unit(signatures: Sequence[Signature]) -> Float[np.ndarray[Any, Any], "scan place"]:
    stacked = np.stack(signatures).astype(np.float32)
    unit: Float[np.ndarray[Any, Any], "scan place"] = stacked / np.maximum(
        np.linalg.norm(stacked, axis=1, keepdims=True), 1e-6
    )
    return unit


@cache
def _places() -> tuple[Any, Any, Any]:
    template = load_template()
    factor = SPACING_MM // COARSE
    share = average_pool(template.mask.with_voxels(template.mask.voxels.astype(np.float32)), factor)
    inside = share.voxels >= 0.9
    return share.grid, inside, average_pool(template.brain, factor).voxels[inside]
