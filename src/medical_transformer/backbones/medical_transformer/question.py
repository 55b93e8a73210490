"""Asking a transformer for a few slices only, which spares its last layer most of its work."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from medical_transformer.shapes import AskedEncodings, Encodings, Places


@dataclass(frozen=True, slots=True)
class Question:
    """Which slices are asked for, of one or more sequences that are laid one after another.

    Attributes:
        places: the places of the slices that are asked for, in the whole row of sequences.
        slices: the length of each sequence, whose slices look at one another.
        asked: how many slices of each are asked for.
    """

    places: Places
    slices: list[int]
    asked: list[int]

    def one_sequence(self) -> "Question":
        """Let the slices of all sequences look at one another."""
        return Question(self.places, [sum(self.slices)], [sum(self.asked)])

    def sequences(self, row: Tensor) -> tuple[Tensor, ...]:
        """Part what is known of all slices into the sequences."""
        return row.split_with_sizes(self.slices, dim=1)

    def answers(self, row: Tensor) -> tuple[Tensor, ...]:
        """Part what is known of the slices that are asked for into the sequences."""
        return row.split_with_sizes(self.asked, dim=1)

    def take(self, vectors: Encodings) -> AskedEncodings:
        """Take the vectors that are asked for."""
        return vectors.take_along_dim(self.places[..., None], dim=1)


def ask(slices: list[int], places: Sequence[Places]) -> Question:
    """Ask for some places of each sequence, counted from its own start."""
    starts = itertools.accumulate(slices[:-1], initial=0)
    whole = torch.cat([own + start for own, start in zip(places, starts, strict=True)], dim=1)
    return Question(whole, slices, [own.shape[1] for own in places])
