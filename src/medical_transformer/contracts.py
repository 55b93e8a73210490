"""What can be plugged in: a backbone (a volume in, an encoding out) and an objective (a batch in, a loss out).

Heads, losses, the training loop, folds and scores know a network only through this page. That *only the
backbone differs* in a comparison is therefore a fact of the code and not a convention.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, Self, TypeVar

import torch
from torch import Tensor, nn

from medical_transformer.shapes import FeatureMap, OutputMap, ScanVectors, VolumeBatch


class Movable(Protocol):
    """A batch: it can be moved to a device."""

    def to(self, device: torch.device) -> Self:
        """Return the batch on a device."""
        ...


BatchT = TypeVar("BatchT", bound=Movable)


@dataclass(frozen=True, slots=True)
class Encoding:
    """What a backbone knows about a batch of scans.

    Attributes:
        vector: one vector per scan, for classification and regression.
        maps: feature maps from coarse to fine, for segmentation. Every map covers the whole field of view,
            at a resolution of its own **on each axis**: an axis of length 1 holds for the whole extent, a
            shorter axis is up-sampled linearly. A head that is linear on the up-sampled concatenation can
            therefore be computed map by map, and no full-resolution concatenation is ever built.
            A network that halves its maps rounds up, so that no voxel is dropped.
    """

    vector: ScanVectors
    maps: tuple[FeatureMap, ...]


class Decoder(nn.Module, ABC):
    """What makes a backbone's maps into class scores for every voxel, where its publication has a way of its own."""

    @abstractmethod
    def forward(self, encoding: Encoding, shape: Sequence[int]) -> OutputMap:
        """Predict class scores for every voxel of a field of view of the given shape."""


class Backbone(nn.Module, ABC):
    """A network that encodes volumes; everything peculiar to it stays in its own file.

    Attributes:
        in_channels: modalities it expects.
        feature_size: length of `Encoding.vector`.
        map_channels: channels of each of `Encoding.maps`, in order.
        hidden_features: width of the hidden layer that its prediction network has in Table 3; 0 for a linear one.
        batch_statistics: whether it normalises over the batch **while training**, as its publication does. Then a
            scan sees its neighbours in training, and only there.
        intensities: what it brings a prepared scan to before it looks at it; weights are of no use with others.
    """

    in_channels: int
    feature_size: int
    map_channels: tuple[int, ...]
    hidden_features: int = 0
    batch_statistics: bool = False
    intensities: str = "prepared"

    @abstractmethod
    def forward(self, volumes: VolumeBatch, *, maps: bool = False) -> Encoding:
        """Encode scans; no scan sees its neighbours in the batch (see `batch_statistics`).

        Args:
            volumes: intensities in [0, 1], background 0, axes right, anterior, superior.
            maps: also return feature maps; without them `Encoding.maps` is empty, which is cheaper.
        """

    def build_decoder(self, outputs: int) -> Decoder | None:
        """Build the network's own decoder; None leaves segmentation to the linear head on all maps.

        The decoder is not part of the backbone: a network that only classifies has no weights that never learn.
        """
        return None

    def compile_parts(self) -> None:
        """Compile the parts whose speed decides; what is computed stays the same up to rounding."""

    def __call__(self, volumes: VolumeBatch, *, maps: bool = False) -> Encoding:
        """Call `forward` through `torch.nn.Module`, with its type kept."""
        encoding: Encoding = super().__call__(volumes, maps=maps)
        return encoding


class Objective(nn.Module, ABC, Generic[BatchT]):
    """Something to learn: it turns a batch into a loss, and validation batches into numbers.

    Attributes:
        selection: the validation number that decides which epoch is kept.
        larger_is_better: the direction of that number.
        settled: whether it needs no `settle` before the first step.
    """

    selection: str = "loss"
    larger_is_better: bool = False
    settled: bool = False

    @abstractmethod
    def forward(self, batch: BatchT, generator: torch.Generator) -> Tensor:
        """Return the training loss of a batch; all randomness comes from the generator."""

    def settle(self, batches: Iterable[BatchT]) -> None:
        """Take from training scans what validation and prediction need; called without gradients."""

    @abstractmethod
    def validate(self, batches: Iterable[BatchT], generator: torch.Generator) -> Mapping[str, float]:
        """Return validation numbers over all batches, `loss` among them; called without gradients."""
