"""Measure the convolutions of one plane's encoder alone: the least that its forward pass and its step can cost.

    python benchmarks/convolutions.py [--threads 1] [--repetitions 11]

Takes 96 slices of 114x96. For each of the 20 convolutions three things are timed as torch does them: the output, the
gradient of the input and that of the weights (least of the repetitions). Large matrix products show what the machine
gives at best; 2 operations per multiplication and addition.
"""

import argparse
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from measuring import tell_machine
from torch import Tensor, nn

from medical_transformer.backbones import MedicalTransformerConfig
from medical_transformer.backbones.medical_transformer.slice_encoder import SliceEncoder, channels_last

SLICES = (96, 1, 114, 96)
SIDE = 1024  # of the matrices


@dataclass(frozen=True)
class Convolution:
    """One layer with what goes in and what its gradient is like, channels last in memory."""

    layer: nn.Conv2d
    images: Tensor
    gradient: Tensor

    @property
    def operations(self) -> float:
        """As if no pixel lay beside the image."""
        return 2.0 * self.gradient.numel() * self.layer.weight[0].numel()

    def output(self) -> object:
        """Convolve."""
        return self.layer(self.images)

    def gradient_of(self, images: bool, weights: bool) -> object:
        """Go back through the layer, for one of the two gradients or both."""
        layer, wanted = self.layer, [images, weights, False]
        return torch.ops.aten.convolution_backward(
            self.gradient,
            self.images,
            layer.weight,
            None,
            layer.stride,
            layer.padding,
            (1, 1),
            False,
            (0, 0),
            1,
            wanted,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--repetitions", type=int, default=11)
    given = parser.parse_args()
    tell_machine(given.threads)
    with torch.no_grad():
        layers = list(convolutions())
        tell("output", layers, Convolution.output, given.repetitions)
        # The stem's input is the scan, of which no gradient is wanted.
        tell("gradient of the input", layers[1:], lambda one: one.gradient_of(True, False), given.repetitions)
        tell("gradient of the weights", layers, lambda one: one.gradient_of(False, True), given.repetitions)
        matrix = torch.rand(SIDE, SIDE)
        seconds = least(lambda: matrix @ matrix, given.repetitions)
        print(f"{'a matrix product':24} {2e-9 * SIDE**3 / seconds:32.0f} GFLOP/s")


def convolutions() -> Iterator[Convolution]:
    """Yield every convolution of an encoder with the shapes that it meets."""
    config, seen = MedicalTransformerConfig(), []
    encoder = SliceEncoder(1, config.width, config.embedding)
    for layer in filter(lambda module: isinstance(module, nn.Conv2d), encoder.modules()):
        layer.register_forward_hook(lambda layer, given, output: seen.append((layer, given[0], output)))
    encoder.encode(channels_last(torch.rand(SLICES)), 1, False)
    for layer, images, output in seen:
        yield Convolution(layer, images, torch.rand_like(output))


def tell(word: str, layers: list[Convolution], work: Callable[[Convolution], object], repetitions: int) -> None:
    seconds = [least(lambda one=one: work(one), repetitions) for one in layers]
    rates = [1e-9 * one.operations / spent for one, spent in zip(layers, seconds, strict=True)]
    print(f"{word:24} {1e3 * sum(seconds):8.1f} ms, {min(rates):7.0f} to {max(rates):.0f} GFLOP/s")


def least(work: Callable[[], object], repetitions: int) -> float:
    found = []
    for _ in range(repetitions):
        start = time.perf_counter()
        work()
        found.append(time.perf_counter() - start)
    return min(found)


if __name__ == "__main__":
    main()
