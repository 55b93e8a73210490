"""A small network, a few scans, and their subjects."""

import pytest
import torch
from torch import Tensor, nn

from medical_transformer.backbones import MedicalTransformer, MedicalTransformerConfig
from medical_transformer.contracts import Backbone, Encoding
from medical_transformer.pretraining import UnlabelledBatch

# On a shared machine threads wait for one another longer than small networks compute.
torch.set_num_threads(1)

SHAPE = (40, 36, 44)
SMALL = MedicalTransformerConfig(width=4, embedding=8, feed_forward=12, heads=2, head_size=5)


class Tiny(Backbone):
    """Two convolutions, for tasks that know a network only by its contract."""

    def __init__(self, channels: int = 1) -> None:
        super().__init__()
        self.in_channels, self.feature_size, self.map_channels = channels, 8, (8, 4)
        self.fine = nn.Conv3d(channels, 4, 3, stride=2, padding=1)
        self.coarse = nn.Conv3d(4, 8, 3, stride=2, padding=1)

    def forward(self, volumes: Tensor, *, maps: bool = False) -> Encoding:
        """Encode by two strided convolutions."""
        fine = self.fine(volumes).relu()
        coarse = self.coarse(fine).relu()
        return Encoding(coarse.mean(dim=(2, 3, 4)), (coarse, fine) if maps else ())


@pytest.fixture
def tiny() -> Tiny:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return Tiny()


@pytest.fixture
def backbone() -> MedicalTransformer:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = MedicalTransformer(SMALL).eval()
        for encoder in network.encoders.values():
            # Initial vectors are nearly equal; spread them as a taught encoder does.
            torch.nn.init.normal_(encoder.embed.weight)
    return network


@pytest.fixture
def volumes() -> torch.Tensor:
    return torch.rand((4, 1, *SHAPE), generator=torch.Generator().manual_seed(7))


@pytest.fixture
def batch(volumes: torch.Tensor) -> UnlabelledBatch:
    return UnlabelledBatch(volumes, ("sub-1", "sub-2", "sub-2", "sub-3"))
