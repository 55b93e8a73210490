"""Toy objectives and sources of the three kinds that the loop meets."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import pytest
import torch
from torch import Tensor, nn

from medical_transformer.contracts import Objective

# On a shared machine threads wait for one another longer than small networks compute.
torch.set_num_threads(1)


@dataclass(frozen=True)
class Pairs:
    """Numbers and what is to be said about them."""

    given: Tensor
    wanted: Tensor

    def to(self, device: torch.device) -> "Pairs":
        """Move the batch to a device."""
        return Pairs(self.given.to(device), self.wanted.to(device))


class PairSource:
    """A fixed table of pairs, in which one item can be spoilt, some can have holes, and which can break like a disk."""

    def __init__(self, items: int = 23, *, spoilt: int | None = None, breaks_at: int | None = None) -> None:
        draws = torch.Generator().manual_seed(0)
        self.given = torch.randn((items, 3), generator=draws)
        self.wanted = self.given @ torch.tensor([[1.0], [-2.0], [0.5]])
        self.spoilt, self.breaks_at, self.loaded = spoilt, breaks_at, 0
        self.holed: dict[int, float] = {}
        self.batches: list[list[int]] = []

    def load(self, items: list[int], draws: torch.Generator | None) -> Pairs:
        """Return items, with a little noise in training."""
        self.loaded += 1
        if self.loaded == self.breaks_at:
            raise OSError("the disk went away")
        if draws is not None:
            self.batches.append(items)
        noise = 0 if draws is None else 0.01 * torch.randn((len(items), 3), generator=draws)
        wanted = self.wanted[items].clone()
        if self.spoilt in items:
            wanted[:] = 1e30  # whose square is too large
        given = self.given[items] + noise
        for item, value in self.holed.items():
            given[[place for place, one in enumerate(items) if one == item], 1] = value
        return Pairs(given, wanted)

    def names(self, items: Sequence[int]) -> list[str]:
        """Name the items."""
        return [f"scan-{item}" for item in items]


class Line(Objective[Pairs]):
    """Fits a line, with dropout so that randomness counts; its validation losses may be scripted."""

    def __init__(self, script: Sequence[float] = ()) -> None:
        super().__init__()
        with torch.random.fork_rng():
            torch.manual_seed(1)
            self.line = nn.Linear(3, 1)
        self.dropout = nn.Dropout(0.2)
        self.script = list(script)

    def forward(self, batch: Pairs, generator: torch.Generator) -> Tensor:
        """Return the mean squared error."""
        return (self.line(self.dropout(batch.given)) - batch.wanted).square().mean()

    def validate(self, batches: Iterable[Pairs], generator: torch.Generator) -> Mapping[str, float]:
        """Return the mean squared error, or the next scripted number."""
        errors = [(self.line(batch.given) - batch.wanted).square() for batch in batches]
        return {"loss": self.script.pop(0) if self.script else float(torch.cat(errors).mean())}


@pytest.fixture
def source() -> PairSource:
    return PairSource()
