"""HighRes3DNet, NiftyNet's brain network: dilated blocks at full resolution (Li et al. 2017, arXiv 1707.01992).

MONAI's blocks are used up to the features before the classifier; of its last layer MONAI makes another function.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor, nn

from medical_transformer.backbones.baselines.baseline import Baseline, BaselineConfig, Features, Translation
from medical_transformer.errors import WeightsError
from medical_transformer.shapes import VolumeBatch

FEATURES = 80
PARCELS = 160


class HighRes3DNet(Baseline):
    """Everything before the classifier. A linear head on its features is the published classifier without its norm."""

    batch_statistics = True

    def __init__(self, config: BaselineConfig | None = None) -> None:
        config = config or BaselineConfig()
        super().__init__(config, (FEATURES,))
        self.blocks = _build(config.in_channels)[:-1]
        self.drop = nn.Dropout3d(0.5)

    def encode(self, volumes: VolumeBatch) -> list[Features]:
        """Return the last features, one vector per voxel."""
        return [self.drop(self.blocks(volumes))]

    def translate(self, tensors: Mapping[str, Tensor]) -> Translation:
        """Read the ported parcellation weights: as many tensors of the same kinds in the same order."""
        whole = nn.ModuleDict({"blocks": _build(1)}).state_dict()
        if [_kind(name, one) for name, one in tensors.items()] != [_kind(name, one) for name, one in whole.items()]:
            raise WeightsError(
                f"This is no file of HighRes3DNet's brain parcellation: expected {len(whole)} tensors of known kinds "
                f"in a known order, but found {len(tensors)} or others."
            )
        pairs = zip(whole, tensors.items(), strict=True)
        own = {ours: (name, tensor) for ours, (name, tensor) in pairs}
        known = self.state_dict().keys()
        return Translation(
            {ours: tensor for ours, (_, tensor) in own.items() if ours in known},
            left={name: f"names {PARCELS} parcels" for ours, (name, _) in own.items() if ours not in known},
        )


def _build(in_channels: int) -> Any:
    from monai.networks.nets import HighResNet  # noqa: PLC0415  (takes seconds, and other networks do without)

    # MONAI's dropout forgets single voxels; the published one, whole channels, stands in the backbone.
    return HighResNet(3, in_channels, PARCELS, dropout_prob=None).blocks


def _kind(name: str, tensor: Tensor) -> tuple[str, Sequence[int]]:
    """Return what a tensor is: the last word of its name, and its shape."""
    return name.rsplit(".", 1)[-1], tuple(tensor.shape)
