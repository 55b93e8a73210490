"""One empty slice is encoded for all of a stack: the values and gradients of the plain encoder, with less work."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from medical_transformer.backbones.medical_transformer import slice_encoder
from medical_transformer.backbones.medical_transformer.empty_slices import find_empty
from medical_transformer.backbones.medical_transformer.normalisation import normalize_stacks, pool_normalised
from medical_transformer.backbones.medical_transformer.slice_encoder import SliceEncoder, channels_last

from .test_slice_encoder import generator, plain_encoder

SLICES, CHANNELS, HEIGHT, WIDTH = 9, 2, 37, 26
# Which slices of two scans are empty.
AT_THE_ENDS_AND_INSIDE = ((0, 1, 4, 8), (0, 5, 6, 7, 8))
SOME_OR_NONE = ((2, 3), ())
ALL_OR_ONE = (tuple(range(SLICES)), (4,))
ONE_OR_NONE = ((3,), ())
Empty = tuple[tuple[int, ...], tuple[int, ...]]
Results = list[Tensor]


@pytest.fixture
def encoder() -> SliceEncoder:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return SliceEncoder(CHANNELS, width=4, embedding=6).double()


@pytest.fixture(autouse=True)
def scan_by_scan(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slice_encoder, "VOXELS_AT_ONCE", 1)


def stack_with(empty: Empty) -> Tensor:
    stack = torch.rand((2, SLICES, CHANNELS, HEIGHT, WIDTH), generator=generator(), dtype=torch.float64)
    for scan, places in zip(stack, empty, strict=True):
        scan[list(places)] = 0
    return stack


def gradients(outputs: Results, inputs: list[Tensor]) -> Results:
    """Return what moves the inputs for an arbitrary loss of all outputs."""
    losses = [
        (output * torch.randn(output.shape, generator=generator(number), dtype=output.dtype)).sum()
        for number, output in enumerate(outputs)
    ]
    return list(torch.autograd.grad(torch.stack(losses).sum(), inputs))


def encoded(encoder: SliceEncoder, stack: Tensor, *, maps: bool) -> tuple[Results, Results]:
    features = encoder(stack, maps=maps)
    outputs = [features.vectors, *features.maps]
    return outputs, gradients(outputs, list(encoder.parameters()))


@pytest.mark.parametrize("maps", [False, True])
@pytest.mark.parametrize("empty", [AT_THE_ENDS_AND_INSIDE, SOME_OR_NONE, ALL_OR_ONE, ONE_OR_NONE])
def test_values_and_gradients_are_those_of_the_plain_encoder(encoder: SliceEncoder, empty: Empty, maps: bool) -> None:
    stack = stack_with(empty)
    outputs, found = encoded(encoder, stack, maps=maps)
    weights = {name: value.detach().clone().requires_grad_() for name, value in encoder.named_parameters()}
    vectors, stages = plain_encoder(stack, weights)
    plain = [vectors, *(stages[:3] if maps else [])]
    torch.testing.assert_close(outputs, plain)
    for name, one, other in zip(weights, found, gradients(plain, list(weights.values())), strict=True):
        torch.testing.assert_close(one, other, msg=lambda said, name=name: f"{name}: {said}")


def test_a_stack_with_one_empty_slice_or_none_is_encoded_as_ever_to_the_bit(
    encoder: SliceEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack = stack_with(ONE_OR_NONE)
    found = encoded(encoder, stack, maps=True)
    monkeypatch.setattr(slice_encoder, "find_empty", lambda *_: None)
    for one, other in zip(found, encoded(encoder, stack, maps=True), strict=True):
        assert all(map(torch.equal, one, other))


def test_one_empty_slice_is_encoded_for_all(encoder: SliceEncoder) -> None:
    counts: list[int] = []
    encoder.stem.register_forward_pre_hook(lambda _, given: counts.append(len(given[0])))
    encoder(stack_with(AT_THE_ENDS_AND_INSIDE))
    assert counts == [6, 5]


def test_the_same_scan_gives_the_same_bits_again(encoder: SliceEncoder) -> None:
    stack = stack_with(AT_THE_ENDS_AND_INSIDE)
    for one, other in zip(encoded(encoder, stack, maps=True), encoded(encoder, stack, maps=True), strict=True):
        assert all(map(torch.equal, one, other))


@pytest.mark.parametrize("work", [normalize_stacks, pool_normalised])
def test_an_image_that_stands_for_several_counts_as_often(work: Callable[[Tensor, int, int], Tensor]) -> None:
    """Whatever the image shows: the same as its copies written out, values and gradients."""
    images = torch.randn((5, 3, 9, 12), generator=generator(), dtype=torch.float64).add_(2).requires_grad_()
    whole = torch.cat([images, images[-1:].expand(6, -1, -1, -1)])
    plain, found = work(whole, 1, 1), work(images, 1, 7)
    torch.testing.assert_close(found, plain[:5])
    direction = torch.randn(plain.shape, generator=generator(1), dtype=torch.float64)
    gathered = torch.cat([direction[:4], direction[4:].sum(dim=0, keepdim=True)])
    expected, gradient = (
        torch.autograd.grad((one * towards).sum(), images)[0]
        for one, towards in ((plain, direction), (found, gathered))
    )
    torch.testing.assert_close(gradient, expected)


def test_it_is_as_precise_in_half_precision() -> None:
    images = torch.randn((5, 3, 9, 12), generator=generator())
    exact, coarse = normalize_stacks(images, 1, 7), normalize_stacks(images.bfloat16(), 1, 7)
    assert coarse.dtype == torch.bfloat16
    torch.testing.assert_close(coarse.float(), exact, atol=0.03, rtol=0)


@pytest.mark.parametrize("only", [-0.5, 0.5, float("nan")])
def test_a_slice_with_a_single_voxel_that_is_not_zero_is_not_empty(only: float) -> None:
    images = torch.zeros((5, 2, 8, 7))
    images[3, 1, 6, 2] = only
    empty = find_empty(images, 1)
    assert empty is not None
    assert empty.kept.tolist() == [3, 0]
    assert empty.copies == 4


@pytest.mark.parametrize("channels", [1, 3])
def test_layouts_in_memory_are_kept(channels: int) -> None:
    """Convolutions choose a slow way for images, and for gradients, whose channels do not come last."""
    images = channels_last(torch.rand((6, channels, 8, 7), generator=generator()))
    images[[0, 3, 5]] = 0
    empty = find_empty(images, 1)
    assert empty is not None
    kept = empty.take_out(images).requires_grad_()
    whole = empty.put_back(kept)
    gradient = torch.autograd.grad(whole.square().sum(), kept)[0]
    assert torch.equal(whole, images)
    assert {one.stride() for one in (kept, whole, gradient)} == {(56 * channels, 1, 7 * channels, channels)}


def test_voxels_whose_gradient_is_wanted_are_all_encoded(encoder: SliceEncoder) -> None:
    """An empty slice has a gradient of its own; the one that stood for all would gather theirs."""
    stack = stack_with(AT_THE_ENDS_AND_INSIDE).requires_grad_()
    found = gradients([encoder(stack).vectors], [stack])
    plain = gradients([plain_encoder(stack, dict(encoder.named_parameters()))[0]], [stack])
    torch.testing.assert_close(found, plain)


def test_scans_encoded_together_and_compiled_code_are_left_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    images = torch.zeros((6, 1, 8, 7))
    assert find_empty(images, 1) is not None
    assert find_empty(images, 2) is None
    monkeypatch.setattr(torch.compiler, "is_compiling", lambda: True)
    assert find_empty(images, 1) is None
