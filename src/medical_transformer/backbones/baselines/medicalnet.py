"""MedicalNet: a 3-D ResNet whose last two stages are dilated instead of halved (Chen et al. 2019, arXiv 1904.00625).

MONAI has the same weights under the same names, but halves in all stages; the strides and dilations are set here.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from medical_transformer.backbones.baselines.baseline import Baseline, BaselineConfig, Features, Translation
from medical_transformer.contracts import Decoder, Encoding
from medical_transformer.errors import WeightsError
from medical_transformer.shapes import OutputMap, VolumeBatch

# Depth to blocks per stage; 10 to 34 have basic blocks, the others bottlenecks of four times the width.
DEPTHS: Mapping[int, tuple[int, int, int, int]] = {
    10: (1, 1, 1, 1),
    18: (2, 2, 2, 2),
    34: (3, 4, 6, 3),
    50: (3, 4, 6, 3),
    101: (3, 4, 23, 3),
    152: (3, 8, 36, 3),
    200: (3, 24, 36, 3),
}
WIDTHS = (64, 128, 256, 512)
BLOCK_NAME = re.compile(r"layer([1-4])\.(\d+)\.(\w+)")
OWN_NAME = re.compile(r"conv1\.|bn1\.|layer[1-4]\.\d+\.(conv|bn|downsample)|conv_seg\.|fc\.")
DILATIONS = {"layer3": 2, "layer4": 4}


class MedicalNetConfig(BaselineConfig):
    """Its settings."""

    depth: Annotated[Literal[10, 18, 34, 50, 101, 152, 200], Field(description="Layers; 18 fits Table 3.")] = 18


class MedicalNet(Baseline):
    """The residual trunk, an eighth of the scan's resolution at its end."""

    batch_statistics = True

    def __init__(self, config: MedicalNetConfig | None = None) -> None:
        config = config or MedicalNetConfig()
        expansion = 1 if config.depth < 50 else 4
        super().__init__(config, (64, *(expansion * width for width in WIDTHS)))
        self.depth = config.depth
        self.trunk = _build_trunk(config)

    def encode(self, volumes: VolumeBatch) -> list[Features]:
        """Return the stem and the four stages; the last three have the same size."""
        stem = self.trunk.act(self.trunk.bn1(self.trunk.conv1(volumes)))
        levels = [stem, self.trunk.layer1(self.trunk.maxpool(stem))]
        for stage in (self.trunk.layer2, self.trunk.layer3, self.trunk.layer4):
            levels.append(stage(levels[-1]))
        return levels

    def own_decoder(self, outputs: int) -> Decoder:
        """Build MedicalNet's published segmentation layers; the paper's, of 53 million weights, are not described."""
        return MedicalNetDecoder(self.feature_size, outputs)

    def translate(self, tensors: Mapping[str, Tensor]) -> Translation:
        """Read a released file of the same depth: its names are those of the trunk.

        Raises:
            WeightsError: if it is of another depth, or no file of MedicalNet.
        """
        depth = _depth_of(tensors)
        if depth is None:
            foreign = next((name for name in tensors if not OWN_NAME.match(name)), None)
            if foreign is not None:
                raise WeightsError(f"This is no file of MedicalNet: it has a tensor {foreign!r}.")
            raise WeightsError(f"Blocks are missing: {_blocks(tensors)} in the four stages are no depth of MedicalNet.")
        if depth != self.depth:
            raise WeightsError(
                f"The file is of depth {depth} and the network of depth {self.depth}; give the backbone the setting "
                f"`depth: {depth}`."
            )
        return Translation({f"trunk.{name}": tensor for name, tensor in tensors.items()})


class MedicalNetDecoder(Decoder):
    """Double the last map, convolve twice, and up-sample the scores from a quarter of the resolution."""

    def __init__(self, features: int, outputs: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.ConvTranspose3d(features, 32, 2, stride=2),
            nn.BatchNorm3d(32),
            nn.ReLU(),
            nn.Conv3d(32, 32, 3, padding=1, bias=False),
            nn.BatchNorm3d(32),
            nn.ReLU(),
            nn.Conv3d(32, outputs, 1, bias=False),
        )

    def forward(self, encoding: Encoding, shape: Sequence[int]) -> OutputMap:
        """Predict class scores for every voxel."""
        scores = self.layers(encoding.maps[0])
        return functional.interpolate(scores, size=list(shape), mode="trilinear", align_corners=False)


def _blocks(names: Iterable[str]) -> tuple[int, ...]:
    """Count the blocks of each stage in a file."""
    found = {(int(one[1]), int(one[2])) for one in map(BLOCK_NAME.match, names) if one}
    return tuple(sum(stage == number for stage, _ in found) for number in (1, 2, 3, 4))


def _depth_of(names: Collection[str]) -> int | None:
    """Return the depth whose blocks have these names in a file; None where no depth has."""
    blocks = _blocks(names)
    bottleneck = any(one[3] == "conv3" for one in map(BLOCK_NAME.match, names) if one)
    return next((depth for depth, one in DEPTHS.items() if one == blocks and (depth >= 50) == bottleneck), None)


def _build_trunk(config: MedicalNetConfig) -> Any:
    from monai.networks.nets.resnet import ResNet  # noqa: PLC0415  (takes seconds, and other networks do without)

    trunk = ResNet(
        "basic" if config.depth < 50 else "bottleneck",
        list(DEPTHS[config.depth]),
        list(WIDTHS),
        n_input_channels=config.in_channels,
        conv1_t_stride=2,
        shortcut_type="A" if config.depth in {18, 34} else "B",
        feed_forward=False,
        bias_downsample=False,
    )
    for name, dilation in DILATIONS.items():
        for block in getattr(trunk, name):
            _dilate(block, dilation)
    return trunk


def _dilate(block: nn.Module, dilation: int) -> None:
    """Let a block see as far as if the map had been halved before it, at full size."""
    for convolution in _convolutions(block):
        convolution.stride = (1, 1, 1)
        if convolution.kernel_size == (3, 3, 3):
            convolution.dilation = convolution.padding = (dilation,) * 3
    shortcut: Any = block.downsample
    if hasattr(shortcut, "keywords"):  # shortcut A: every other voxel and channels of zeros, as a function
        shortcut.keywords["stride"] = 1


def _convolutions(block: nn.Module) -> Iterator[nn.Conv3d]:
    return (module for module in block.modules() if isinstance(module, nn.Conv3d))
