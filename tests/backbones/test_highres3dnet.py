"""HighRes3DNet against a second reading of its publication: plain functions of the published file's tensors.

Nothing of the package is in the reference (arXiv 1707.01992): blocks of normalisation, ReLU and a dilated convolution,
twice, beside the identity, which grows by channels of zeros, half of them before and half after.
"""

from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional

from medical_transformer.backbones import load_published

from .published_samples import Tensors, network
from .test_published_highres3dnet import highresnet_tensors


def tame(name: str, tensor: Tensor) -> Tensor:
    """Keep variances positive and features of one size through 20 layers."""
    if name.endswith("running_var"):
        return tensor.abs() + 0.5
    return tensor / tensor[0].numel() ** 0.5 if tensor.ndim > 1 else tensor


def normalised(volume: Tensor, weights: Tensors, name: str) -> Tensor:
    mean, variance, weight, bias = (
        weights[f"{name}.{kind}"][:, None, None, None] for kind in ("running_mean", "running_var", "weight", "bias")
    )
    return torch.relu((volume - mean) / torch.sqrt(variance + 1e-5) * weight + bias)


def highres3dnet(volume: Tensor, weights: Tensors) -> Tensor:
    """Return the 80 features of each voxel."""
    block = "convolutional_block"
    volume = functional.conv3d(volume, weights[f"block.0.{block}.1.weight"], padding=1)
    volume = normalised(volume, weights, f"block.0.{block}.2")
    for stage, dilation in ((1, 1), (2, 2), (3, 4)):
        for unit in range(3):
            kept = volume
            for layer in range(2):
                name = f"block.{stage}.dilation_block.{unit}.residual_block.{layer}.{block}"
                volume = normalised(volume, weights, f"{name}.0")
                volume = functional.conv3d(volume, weights[f"{name}.3.weight"], padding=dilation, dilation=dilation)
            zeros = torch.zeros_like(volume)[:, : (volume.shape[1] - kept.shape[1]) // 2]
            volume = volume + torch.cat([zeros, kept, zeros], dim=1)
    volume = functional.conv3d(volume, weights[f"block.4.{block}.0.weight"])
    return normalised(volume, weights, f"block.4.{block}.1")


def test_the_whole_function_is_the_published_one(tmp_path: Path) -> None:
    tensors = {name: tame(name, one) for name, one in highresnet_tensors().items()}
    torch.save(tensors, tmp_path / "weights.pth")
    backbone = network("niftynet-highres3dnet").eval()
    load_published("niftynet-highres3dnet", backbone, str(tmp_path / "weights.pth"))
    volume = torch.rand((2, 1, 9, 12, 11), generator=torch.Generator().manual_seed(4), dtype=torch.float64)
    with torch.no_grad():
        found = backbone.double()(volume, maps=True)
        expected = highres3dnet(volume, {name: tensor.double() for name, tensor in tensors.items()})
    assert expected.shape == (2, 80, 9, 12, 11)
    assert float(expected.std()) > 0.1
    assert torch.allclose(found.maps[0], expected, atol=1e-5)
    assert torch.allclose(found.vector, expected.mean(dim=(2, 3, 4)), atol=1e-5)
