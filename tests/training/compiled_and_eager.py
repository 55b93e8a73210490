"""Compile one slice encoder and the transformer, and compare with the same network before; fails where they differ."""

from typing import cast

import torch
from torch import Tensor

from medical_transformer.backbones import MedicalTransformer, MedicalTransformerConfig
from medical_transformer.backbones.medical_transformer.slice_encoder import SliceEncoder
from medical_transformer.slices import Plane

CONFIG = MedicalTransformerConfig(width=4, embedding=8, feed_forward=12, heads=2, head_size=5, dropout=0)


def answers(network: MedicalTransformer, volumes: Tensor) -> dict[str, Tensor]:
    """Return vector and maps, and the gradients that the sum of their mean squares leaves in the weights."""
    network.zero_grad()
    encoding = network(volumes, maps=True)
    outputs = {"vector": encoding.vector} | {f"map {number}": one for number, one in enumerate(encoding.maps)}
    torch.stack([output.square().mean() for output in outputs.values()]).sum().backward()
    gradients = {name: weight.grad for name, weight in network.named_parameters() if weight.grad is not None}
    assert len(gradients) == len(list(network.parameters()))
    return outputs | gradients


def main() -> None:
    """Compare."""
    torch.manual_seed(0)
    torch.set_num_threads(1)
    network, volumes = MedicalTransformer(CONFIG), torch.rand(2, 1, 20, 24, 16)
    eager = answers(network, volumes)
    cast(SliceEncoder, network.encoders[Plane.AXIAL]).compile_encoding()
    assert network.transformer is not None
    network.transformer.compile()
    compiled = answers(network, volumes)
    for name, one in eager.items():
        apart, size = float((compiled[name] - one).abs().max()), float(one.abs().max())
        print(f"{name}: {apart:.1e} of {size:.1e}")
        # The floor is for gradients that are 0 but for rounding, such as those of the keys' biases.
        assert apart <= 1e-4 * size + 1e-6, f"{name}: {apart} apart, of {size}"


if __name__ == "__main__":
    main()
