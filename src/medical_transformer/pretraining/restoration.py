"""Models Genesis: restore a scan from its distorted self (Zhou et al.; mean squared error over all voxels).

The published network is a 3-D U-Net. Here any backbone restores by its feature maps: a decoder makes a volume of
them, the backbone's own where it has one, as the published network has, or the linear segmentation head. Cubes of
64x64x32 are published; here the whole volume is restored unless a cube is asked for.
"""

from collections.abc import Iterable, Mapping, Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from medical_transformer.contracts import Backbone
from medical_transformer.pretraining.distortion import distort, draw_distortion
from medical_transformer.pretraining.exemplar import UnlabelledBatch
from medical_transformer.pretraining.patches import crop_patches
from medical_transformer.pretraining.pretext import Pretext, refuse_collapse, relative_spread
from medical_transformer.shapes import FeatureMap, VolumeBatch


class Restoration(Pretext[UnlabelledBatch]):
    """Mean squared error between the restored and the true scan.

    Args:
        backbone: encodes the distorted scan, with maps.
        decoder: called with an encoding and a shape, returns a score per modality and voxel; the sigmoid follows here.
        cube: voxels of a cube that is cut at random from every scan; none restores whole scans.
    """

    def __init__(self, backbone: Backbone, decoder: nn.Module, *, cube: tuple[int, int, int] | None = None) -> None:
        super().__init__()
        self.backbone, self.decoder, self.cube = backbone, decoder, cube
        self.chance = {"explained_variance": 0.0, "explained_beyond_copying": 0.0}

    def forward(self, batch: UnlabelledBatch, generator: torch.Generator) -> Tensor:
        """Return the mean squared error of a batch."""
        shown, truth = self.ask(batch.volumes, generator)
        return (self._restore(shown)[0] - truth).square().mean()

    def validate(self, batches: Iterable[UnlabelledBatch], generator: torch.Generator) -> Mapping[str, float]:
        """Return the error, and what is explained of it.

        `explained_variance` is against answering one grey value, and `explained_beyond_copying` against leaving the
        distorted scan as it is.

        Raises:
            CollapseError: if all scans are encoded alike.
        """
        sums = torch.zeros(5, dtype=torch.float64)
        seen = []
        for batch in batches:
            shown, truth = self.ask(batch.volumes, generator)
            restored, vectors = self._restore(shown)
            terms = (
                (restored - truth).square(),
                (shown - truth).square(),
                truth,
                truth.square(),
                torch.ones_like(truth),
            )
            sums += torch.stack([term.sum(dtype=torch.float64) for term in terms]).cpu()
            seen.append(vectors)
        refuse_collapse([relative_spread(torch.cat(seen))])
        error, copying, mean, power, _ = (sums / sums[4]).tolist()
        return {
            "loss": error,
            "explained_variance": 1 - error / max(power - mean**2, 1e-12),
            "explained_beyond_copying": 1 - error / max(copying, 1e-12),
        }

    def ask(self, volumes: VolumeBatch, generator: torch.Generator) -> tuple[FeatureMap, FeatureMap]:
        """Draw a distortion of every scan; returns the distorted scans and what is to be restored."""
        cut = volumes if self.cube is None else _draw_cubes(volumes, self.cube, generator)
        pairs = [distort(volume, draw_distortion(cut.shape[2:], generator)) for volume in cut]
        return torch.stack([pair[0] for pair in pairs]), torch.stack([pair[1] for pair in pairs])

    def _restore(self, shown: FeatureMap) -> tuple[FeatureMap, Float[Tensor, "batch feature"]]:
        encoding = self.backbone(shown, maps=True)
        return self.decoder(encoding, shown.shape[2:]).sigmoid(), encoding.vector


def _draw_cubes(volumes: VolumeBatch, cube: Sequence[int], generator: torch.Generator) -> FeatureMap:
    """Cut one cube from every scan; an axis that is shorter than the cube stays whole."""
    right, anterior, superior = (min(side, most) for side, most in zip(volumes.shape[2:], cube, strict=True))
    room = torch.tensor(volumes.shape[2:]) - torch.tensor([right, anterior, superior]) + 1
    corners = (torch.rand((len(volumes), 1, 3), generator=generator) * room).to(torch.int64)
    return crop_patches(volumes, corners, (right, anterior, superior))[:, 0]
