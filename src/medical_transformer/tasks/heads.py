"""The prediction networks: linear on the encoding (paper section 3.3.2), or as a backbone's publication has them."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from medical_transformer.contracts import Encoding
from medical_transformer.errors import ConfigError
from medical_transformer.shapes import FeatureMap, OutputMap, Outputs, ScanVectors

PerFeature = Float[Tensor, " feature"]


class VectorHead(nn.Module):
    """Single scale: a linear layer on the scan's vector.

    The paper applies the linear layer to every voxel of the 3-D map and averages. The mean of a linear layer is
    the linear layer of the mean, so no 3-D map is needed. Table 3 counts one hidden layer for the other methods.

    Args:
        features: length of the scan's vector.
        outputs: values to predict.
        hidden: width of a hidden layer; 0 for none.
        standardise: whether the features are brought to one mean and spread first.
    """

    centre: Tensor
    scale: Tensor

    def __init__(self, features: int, outputs: int, hidden: int = 0, *, standardise: bool = False) -> None:
        super().__init__()
        self.standardisation = Standardisation(features) if standardise else None
        self.hidden = nn.Linear(features, hidden) if hidden else None
        self.linear = nn.Linear(hidden or features, outputs)
        self.register_buffer("centre", torch.zeros(outputs))
        self.register_buffer("scale", torch.ones(outputs))

    def forward(self, encoding: Encoding, shape: Sequence[int]) -> Outputs:
        """Predict one row per scan, in the unit of the label."""
        vector = encoding.vector if self.standardisation is None else self.standardisation(encoding.vector)
        vector = vector if self.hidden is None else functional.relu(self.hidden(vector))
        outputs: Tensor = self.linear(vector) * self.scale + self.centre
        return outputs


class Standardisation(nn.Module):
    """Every feature with mean 0 and variance 1 over scans; nothing is learnt (`docs/decisions/0021`).

    While training, a batch renormalisation (Ioffe, arXiv 1702.03275): values are measured by running statistics,
    since the few scans of a batch would be measured by one another, and gradients are those of a batch normalisation,
    so that a step moves the scans apart and not all of them together. Afterwards, by the training scans that `settle`
    was given, so that a scan's answer is its own.
    """

    EPSILON = 1e-8  # features of a fresh network vary by as little as 0.001
    PACE = 0.1  # share of a batch in the running statistics
    FURTHEST = 1.0  # standard deviations that a batch's mean may lie from the running one
    WIDEST = 3.0  # times that a batch's spread may be the running one, or the other way round

    mean: Tensor
    variance: Tensor

    def __init__(self, features: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(features))
        self.register_buffer("variance", torch.ones(features))

    def forward(self, vectors: ScanVectors) -> ScanVectors:
        """Standardise one vector per scan."""
        if self.training and len(vectors) > 1:
            stretch, shift = self._follow(vectors.detach())
            return functional.batch_norm(vectors, None, None, training=True, eps=self.EPSILON) * stretch + shift
        return (vectors - self.mean) * torch.rsqrt(self.variance + self.EPSILON)

    def settle(self, vectors: ScanVectors) -> None:
        """Take mean and variance from the vectors of training scans."""
        self.mean.copy_(vectors.mean(dim=0))
        self.variance.copy_(vectors.var(dim=0, correction=0))

    @torch.no_grad()
    def _follow(self, vectors: ScanVectors) -> tuple[PerFeature, PerFeature]:
        """Move the running statistics towards the batch's; return what brings the batch's measure to theirs.

        Both are bounded, because weights can move faster than averages follow.
        """
        variance, mean = torch.var_mean(vectors.float(), dim=0, correction=0)
        self.mean.lerp_(mean, self.PACE)
        self.variance.lerp_(variance, self.PACE)
        measure = torch.rsqrt(self.variance + self.EPSILON)
        stretch = ((variance + self.EPSILON).sqrt() * measure).clamp(1 / self.WIDEST, self.WIDEST)
        return stretch, ((mean - self.mean) * measure).clamp(-self.FURTHEST, self.FURTHEST)


class SegmentationHead(nn.Module):
    """Multi-scale: a linear layer on the up-sampled concatenation of all feature maps.

    A linear layer on a concatenation is the sum of linear layers on its parts, and it commutes with linear
    interpolation: each map is reduced to the few outputs at its own resolution and up-sampled afterwards. The
    parameters and the function are those of the plain way (`forward_plain`), at a fraction of the memory.
    """

    def __init__(self, map_channels: Sequence[int], outputs: int) -> None:
        super().__init__()
        if not map_channels:
            raise ConfigError("This backbone has no feature maps, so it cannot segment.")
        self.map_channels = tuple(map_channels)
        self.linear = nn.Linear(sum(map_channels), outputs)

    def forward(self, encoding: Encoding, shape: Sequence[int]) -> OutputMap:
        """Predict class scores for every voxel of a field of view of the given shape."""
        shares = torch.split(self.linear.weight, list(self.map_channels), dim=1)
        total = self.linear.bias[None, :, None, None, None].expand(len(encoding.maps[0]), -1, *shape).clone()
        for features, share in zip(encoding.maps, shares, strict=True):
            total += spread(torch.einsum("oc,bcras->boras", share, features), shape)
        return total

    def forward_plain(self, encoding: Encoding, shape: Sequence[int]) -> OutputMap:
        """Do the same by building the full-resolution concatenation; kept to prove `forward` right."""
        together = torch.cat(
            [
                functional.interpolate(features, size=tuple(shape), mode="trilinear", align_corners=False)
                for features in encoding.maps
            ],
            dim=1,
        )
        outputs: Tensor = self.linear(together.movedim(1, -1)).movedim(-1, 1)
        return outputs


def spread(features: FeatureMap, shape: Sequence[int]) -> FeatureMap:
    """Up-sample a map linearly to a field of view; axes of length 1 are left to broadcasting.

    Linear interpolation is separable: one small matrix per axis is as exact as `functional.interpolate` and several
    times faster, above all in its gradient.
    """
    right, anterior, superior = features.shape[2:]
    if superior not in (1, shape[2]):
        features = features @ _interpolation(superior, shape[2], features)
    if anterior not in (1, shape[1]):
        features = _interpolation(anterior, shape[1], features).T @ features
    if right not in (1, shape[0]):
        planes = _interpolation(right, shape[0], features).T @ features.flatten(-2)
        features = planes.reshape(*planes.shape[:-1], *features.shape[-2:])
    return features


def _interpolation(have: int, want: int, like: Tensor) -> Float[Tensor, "have want"]:
    """Return the weight of each of `have` samples in each of `want`, in the middle of their shares of the length."""
    samples = torch.eye(have, dtype=like.dtype, device=like.device)[:, None]
    return functional.interpolate(samples, size=want, mode="linear", align_corners=False)[:, 0]
