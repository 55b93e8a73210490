"""Small networks and scans whose sides differ on every axis."""

from pathlib import Path

import pytest
import torch

from medical_transformer.backbones import MedicalTransformer, MedicalTransformerConfig

from .published_samples import genesis_tensors, medicalnet

# On a shared machine threads wait for one another longer than small networks compute.
torch.set_num_threads(1)

SHAPE = (40, 36, 44)
SMALL = MedicalTransformerConfig(width=4, embedding=8, feed_forward=12, heads=2, head_size=5)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.fixture
def volumes() -> torch.Tensor:
    return torch.rand((2, 1, *SHAPE), generator=generator())


@pytest.fixture
def small() -> MedicalTransformer:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return MedicalTransformer(SMALL).eval()


@pytest.fixture(scope="module")
def medicalnet_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("medicalnet") / "resnet_10_23dataset.pth"
    torch.save(medicalnet(), path)
    return path


@pytest.fixture(scope="module")
def genesis_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("genesis") / "Genesis_Chest_CT.pt"
    training = {"state": {0: {"momentum_buffer": torch.ones(3)}}, "param_groups": [{"lr": 1.0, "nesterov": False}]}
    torch.save({"epoch": 120, "state_dict": genesis_tensors(), "optimizer_state_dict": training}, path)
    return path
