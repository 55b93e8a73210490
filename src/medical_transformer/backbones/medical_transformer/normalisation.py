"""Normalisation over all slices of a scan's plane, without parameters (`docs/decisions/0006`)."""

from collections.abc import Sequence
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


def normalize_stacks(images: SliceImages, scans: int, copies: int = 1) -> SliceImages:
    """Normalise each channel over all slices, rows and columns of a scan, without parameters.

    This is a 3-D instance normalisation of each scan's stack, not one of each slice: slices keep their brightness
    relative to one another. For one scan it is a batch normalisation, which on a processor is several times faster
    than the statistics written out; on a card several of them would be too many small steps.

    Args:
        images: the slices of some scans.
        scans: how many scans.
        copies: how many equal slices of the stack the last image stands for; more than 1 for one scan only.
    """
    if copies > 1:
        normalised: Tensor = _NormalisedWithCopies.apply(images, copies)  # type: ignore[no-untyped-call]
        return normalised
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


def pool_normalised(images: SliceImages, scans: int, copies: int = 1) -> StageImages:
    """Return the largest of every 3x3 pixels of the normalised images, two apart; arguments of `normalize_stacks`."""
    if scans > 1 and images.is_cpu:
        return torch.cat([pool_together(stack, 1) for stack in images.chunk(scans)])
    return pool_together(images, scans, copies)


def pool_together(images: SliceImages, scans: int, copies: int = 1) -> StageImages:
    """Pool as `pool_normalised`, all scans in the same few steps.

    Normalising keeps which of two pixels of a channel is larger, so it can be done after the pooling, on a quarter of
    the pixels: the same values and gradients. The statistics are those of all pixels.
    """
    mean, variance = _moments(images, scans, copies)
    scale = torch.rsqrt(variance + EPSILON)
    pooled = functional.max_pool2d(images, 3, stride=2, padding=1)
    stacks = pooled.view(scans, -1, *pooled.shape[1:])
    normalised: Tensor = torch.addcmul(-mean * scale, stacks.to(scale.dtype), scale)
    return normalised.flatten(0, 1).to(images.dtype)


def _moments(images: SliceImages, scans: int, copies: int) -> tuple[PerChannel, PerChannel]:
    """Return mean and variance of each channel over all slices, rows and columns of a scan."""
    precise = images.float() if images.dtype in (torch.bfloat16, torch.float16) else images
    if scans == 1 and images.is_cpu and not torch.compiler.is_compiling():
        mean, variance = _Moments.apply(precise, copies)  # type: ignore[no-untyped-call]
        return mean.view(1, 1, -1, 1, 1), variance.view(1, 1, -1, 1, 1)
    stacks = precise.view(scans, -1, *images.shape[1:])
    variance, mean = torch.var_mean(stacks, dim=(1, 3, 4), correction=0, keepdim=True)
    return mean, variance


class _Moments(torch.autograd.Function):
    """Mean and variance of each channel by batch normalisation's own sums, ten times as fast as `var_mean`."""

    @staticmethod
    def forward(ctx: Any, images: Tensor, copies: int) -> tuple[Tensor, Tensor]:
        mean, variance = _weighted_moments(images, copies)
        ctx.save_for_backward(images, mean)
        ctx.copies = copies
        return mean, variance

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> tuple[Tensor, None]:
        images, mean = ctx.saved_tensors
        return _through_moments(images, mean, gradients, ctx.copies), None


class _NormalisedWithCopies(torch.autograd.Function):
    """Normalise a stack whose last image stands for several equal slices.

    Batch normalisation weighs all images alike. It takes other statistics, but then as constants, and knows no
    gradient through them; one differentiable step after another would walk through memory more often. So that part of
    the gradient is added here. What arrives at the last image is the sum of its copies' gradients already.
    """

    @staticmethod
    def forward(ctx: Any, images: Tensor, copies: int) -> Tensor:
        mean, variance = _weighted_moments(images, copies)
        ctx.save_for_backward(images, mean, variance)
        ctx.copies = copies
        return functional.batch_norm(images, mean, variance, eps=EPSILON)

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> tuple[Tensor, None]:
        images, mean, variance = ctx.saved_tensors
        scale = torch.rsqrt(variance + EPSILON)
        # Sums over all images: of the gradient times the normalised images, and of the gradient.
        _, along, total = torch.ops.aten.native_batch_norm_backward(
            gradients[0], images, None, mean, variance, None, None, False, EPSILON, [False, True, True]
        )
        through = _through_moments(images, mean, (-scale * total, -scale.square() * along / 2), ctx.copies)
        return through.addcmul_(gradients[0], scale[:, None, None]), None


def _weighted_moments(images: SliceImages, copies: int) -> tuple[Tensor, Tensor]:
    """Return mean and variance of each channel (shape: channel), the last image counted as often as it has copies."""
    mean, variance = torch.batch_norm_update_stats(images, None, None, 0.0)
    if copies == 1:
        return mean, variance
    # Two groups: the images, each once, and the copies of the last one beyond the first.
    last_mean, last_variance = torch.batch_norm_update_stats(images[-1:], None, None, 0.0)
    share = (copies - 1) / (len(images) + copies - 1)
    apart = last_mean - mean
    inside = variance + share * (last_variance - variance)
    return mean + share * apart, inside + share * (1 - share) * apart.square()


def _through_moments(images: SliceImages, mean: Tensor, gradients: Sequence[Tensor], copies: int) -> SliceImages:
    """Return what gradients of mean and variance (shape: channel) say to the images.

    The mean moves by 1/n with each of n pixels, the variance by 2 (x - mean) / n, and both so often as an image counts.
    """
    pixels = (len(images) + copies - 1) * images.shape[2] * images.shape[3]
    of_mean, of_variance = (gradient / pixels for gradient in gradients)
    slope = 2 * of_variance
    through = torch.addcmul((of_mean - slope * mean)[:, None, None], images, slope[:, None, None])
    if copies > 1:
        through[-1] *= copies
    return through
