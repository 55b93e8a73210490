"""The encoder of Swin UNETR (Hatamizadeh et al. 2022, arXiv 2201.01266), MONAI's: a rival that the paper lacks."""

import re
from collections.abc import Mapping
from typing import Annotated, Any

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from medical_transformer.backbones.baselines.baseline import Baseline, BaselineConfig, Features, Translation
from medical_transformer.backbones.baselines.decoders import PyramidDecoder
from medical_transformer.contracts import Decoder
from medical_transformer.errors import WeightsError
from medical_transformer.shapes import VolumeBatch

NESTED_STAGE = re.compile(r"^(layers[1-4])\.0\.0\.")
PARTS = ("patch_embed.", "layers1.", "layers2.", "layers3.", "layers4.")


class SwinUNETRConfig(BaselineConfig):
    """Its settings."""

    width: Annotated[
        int, Field(ge=12, le=192, multiple_of=12, description="Features of a patch; the released weights have 48.")
    ] = 48


class SwinUNETR(Baseline):
    """Attention in shifted windows over patches of 2x2x2 voxels, halved five times in all."""

    def __init__(self, config: SwinUNETRConfig | None = None) -> None:
        config = config or SwinUNETRConfig()
        super().__init__(config, tuple(config.width * factor for factor in (1, 2, 4, 8, 16)))
        self.swin = _build(config)

    def encode(self, volumes: VolumeBatch) -> list[Features]:
        """Return the patches and the four stages, normalised at every place; MONAI fills odd sides up."""
        levels: list[Features] = [self.swin.patch_embed(volumes)]
        for stages in (self.swin.layers1, self.swin.layers2, self.swin.layers3, self.swin.layers4):
            levels.append(_attend(stages[0], levels[-1]))
        return [_normalise(level) for level in levels]

    def own_decoder(self, outputs: int) -> Decoder:
        """Build the pyramid of this package: Swin UNETR's own needs sides divisible by 32."""
        return PyramidDecoder(self.map_channels, outputs)

    def translate(self, tensors: Mapping[str, Tensor]) -> Translation:
        """Read self-supervised weights in any of their public namings; the heads of their pretext tasks are left.

        Raises:
            WeightsError: if no tensor has a name of the encoder.
        """
        own = {name: _plain_name(name) for name in tensors}
        renamed = {f"swin.{plain}": tensors[name] for name, plain in own.items() if plain.startswith(PARTS)}
        if not renamed:
            raise WeightsError(
                f"This is no file of Swin UNETR: it has a tensor {next(iter(tensors))!r}; expected names such as "
                "'patch_embed.proj.weight' and 'layers1.0.blocks.0.norm1.weight', as they are or after 'swinViT.' or "
                "'encoder.'."
            )
        left = {name: "belongs to a pretext task" for name, plain in own.items() if not plain.startswith(PARTS)}
        return Translation(renamed, left=left)


def _plain_name(name: str) -> str:
    """Return a published name as MONAI's encoder has it, whichever network was wrapped around it.

    `encoder.layers1.0.0.blocks` of the disrupted autoencoders (arXiv 2307.16896) is `layers1.0.blocks` elsewhere.
    """
    plain = name.removeprefix("swinViT.").removeprefix("encoder.")
    return NESTED_STAGE.sub(r"\1.0.", plain).replace(".mlp.fc", ".mlp.linear")


def _attend(stage: Any, features: Features) -> Features:
    """Apply a stage's blocks and halve: as MONAI's stage does, which needs a further package to turn axes around."""
    from monai.networks.nets.swin_unetr import compute_mask, get_window_size  # noqa: PLC0415  (takes seconds)

    window, shift = get_window_size(tuple(features.shape[2:]), stage.window_size, stage.shift_size)
    filled = [-(-side // size) * size for side, size in zip(features.shape[2:], window, strict=True)]
    mask = compute_mask(filled, window, shift, features.device)
    places = features.movedim(1, -1)
    for block in stage.blocks:
        places = block(places, mask)
    halved: Features = stage.downsample(places).movedim(-1, 1)
    return halved


def _normalise(features: Features) -> Features:
    """Normalise the features of every place, without parameters."""
    return functional.layer_norm(features.movedim(1, -1), features.shape[1:2]).movedim(-1, 1)


def _build(config: SwinUNETRConfig) -> Any:
    from monai.networks.nets.swin_unetr import SwinTransformer  # noqa: PLC0415  (takes seconds)

    # MONAI reads numbers out of a tensor while it builds, which a device without values cannot give.
    with torch.device("cpu"):
        return SwinTransformer(
            in_chans=config.in_channels,
            embed_dim=config.width,
            window_size=(7, 7, 7),
            patch_size=(2, 2, 2),
            depths=(2, 2, 2, 2),
            num_heads=(3, 6, 12, 24),
            norm_layer=nn.LayerNorm,
        )
