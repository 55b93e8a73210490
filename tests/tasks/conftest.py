"""A small network, and a way to write models."""

import pytest
import torch

from medical_transformer.backbones import MedicalTransformer, MedicalTransformerConfig

# On a shared machine threads wait for one another longer than small networks compute.
torch.set_num_threads(1)

SHAPE = (40, 36, 44)
SETTINGS = {"width": 4, "embedding": 8, "feed_forward": 12, "heads": 2, "head_size": 5}


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.fixture
def backbone() -> MedicalTransformer:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return MedicalTransformer(MedicalTransformerConfig(**SETTINGS)).eval()


@pytest.fixture
def volumes() -> torch.Tensor:
    return torch.rand((2, 1, *SHAPE), generator=generator())
