"""A small network, a few scans, and their subjects."""

import pytest
import torch

from medical_transformer.backbones import MedicalTransformer, MedicalTransformerConfig
from medical_transformer.pretraining import UnlabelledBatch

# On a shared machine threads wait for one another longer than small networks compute.
torch.set_num_threads(1)

SHAPE = (40, 36, 44)
SMALL = MedicalTransformerConfig(width=4, embedding=8, feed_forward=12, heads=2, head_size=5)


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
