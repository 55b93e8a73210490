"""Normalisation over all slices of a scan's plane, without parameters (`docs/decisions/0006`)."""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

# The slices of one or more scans inside the encoder, as a batch of images.
SliceImages = Float[Tensor, "slice channel height width"]
# What a stage makes of them: as many images, of other channels and a smaller size.
StageImages = Float[Tensor, "slice _channel _height _width"]
# One number per scan and channel, beside stacks of slices.
PerChannel = Float[Tensor, "scan 1 channel 1 1"]
EPSILON = 1e-5  # of `torch.nn.functional.batch_norm` too


def normalize_stacks(images: SliceImages, scans: int) -> SliceImages:
    """Normalise each channel over all slices, rows and columns of a scan, without parameters.

    This is a 3-D instance normalisation of each scan's stack, not one of each slice: slices keep their brightness
    relative to one another. For one scan it is a batch normalisation, which on a processor is several times faster
    than the statistics written out; on a card several of them would be too many small steps.
    """
    if scans == 1:
        return functional.batch_norm(images, None, None, training=True)
    if images.is_cpu:
        return torch.cat([normalize_stacks(stack, 1) for stack in images.chunk(scans)])
    return normalize_together(images, scans)


def normalize_together(images: SliceImages, scans: int) -> SliceImages:
    """Normalise as `normalize_stacks`, all scans in the same few steps, with the statistics written out."""
    precise = images.float() if images.dtype in (torch.bfloat16, torch.float16) else images
    stacks = precise.view(scans, -1, *images.shape[1:])
    variance, mean = torch.var_mean(stacks, dim=(1, 3, 4), correction=0, keepdim=True)
    normalised: Tensor = (stacks - mean) * torch.rsqrt(variance + EPSILON)
    return normalised.flatten(0, 1).to(images.dtype)


def pool_normalised(images: SliceImages, scans: int) -> StageImages:
    """Return the largest of every 3x3 pixels of the normalised images, two apart."""
    if scans > 1 and images.is_cpu:
        return torch.cat([pool_together(stack, 1) for stack in images.chunk(scans)])
    return pool_together(images, scans)


def pool_together(images: SliceImages, scans: int) -> StageImages:
    """Pool as `pool_normalised`, all scans in the same few steps.

    Normalising keeps which of two pixels of a channel is larger, so it can be done after the pooling, on a quarter of
    the pixels: the same values and gradients. The statistics are those of all pixels.
    """
    mean, variance = _moments(images, scans)
    scale = torch.rsqrt(variance + EPSILON)
    pooled = functional.max_pool2d(images, 3, stride=2, padding=1)
    stacks = pooled.view(scans, -1, *pooled.shape[1:])
    normalised: Tensor = torch.addcmul(-mean * scale, stacks.to(scale.dtype), scale)
    return normalised.flatten(0, 1).to(images.dtype)


def _moments(images: SliceImages, scans: int) -> tuple[PerChannel, PerChannel]:
    """Return mean and variance of each channel over all slices, rows and columns of a scan."""
    precise = images.float() if images.dtype in (torch.bfloat16, torch.float16) else images
    if scans == 1 and images.is_cpu and not torch.compiler.is_compiling():
        mean, variance = _Moments.apply(precise)  # type: ignore[no-untyped-call]
        return mean.view(1, 1, -1, 1, 1), variance.view(1, 1, -1, 1, 1)
    stacks = precise.view(scans, -1, *images.shape[1:])
    variance, mean = torch.var_mean(stacks, dim=(1, 3, 4), correction=0, keepdim=True)
    return mean, variance


class _Moments(torch.autograd.Function):
    """Mean and variance of each channel by batch normalisation's own sums, ten times as fast as `var_mean`."""

    @staticmethod
    def forward(ctx: Any, images: Tensor) -> tuple[Tensor, Tensor]:
        mean, variance = torch.batch_norm_update_stats(images, None, None, 0.0)
        ctx.save_for_backward(images, mean)
        return mean, variance

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Tensor:
        """The mean moves by 1/n with every pixel, and the variance by 2 (x - mean) / n."""
        images, mean = ctx.saved_tensors
        of_mean, of_variance = (gradient * images.shape[1] / images.numel() for gradient in gradients)
        slope = 2 * of_variance
        return torch.addcmul((of_mean - slope * mean)[:, None, None], images, slope[:, None, None])
