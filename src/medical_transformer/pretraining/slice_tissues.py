"""Slice tissues: how much CSF, grey and white matter lies where in a slice, told from the slice's vector alone.

Not in the paper. Its stage 1 asks whose scan a slice is of, which is learnt without any anatomy that a diagnosis needs
(`docs/decisions/0023-slice-tissues.md`). Tissues need no labels: they are three humps of a scan's own histogram.
"""

from collections.abc import Iterable, Mapping

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from medical_transformer.backbones import MedicalTransformer
from medical_transformer.errors import ConfigError
from medical_transformer.preprocessing.tissues import TISSUES
from medical_transformer.pretraining.exemplar import UnlabelledBatch
from medical_transformer.pretraining.pretext import Pretext, refuse_collapse, relative_spread
from medical_transformer.pretraining.tissue_mixture import tissues_of
from medical_transformer.shapes import Encodings, VolumeBatch
from medical_transformer.slices import Plane, cut, draw_curves, transform_intensities

SliceShares = Float[Tensor, "batch slice share"]

CELLS = (8, 10, 8)


class SliceTissues(Pretext[UnlabelledBatch]):
    """Mean squared error on the tissues of each slice's cells beyond what is usual there, averaged over planes.

    The scan that is shown is mirrored half of the time and sent through a Bezier curve, as in stage 1 of the paper;
    the tissues are those of the scan itself. A linear layer per plane reads them from the slices' vectors.

    Args:
        backbone: its slice encoders are taught; its transformer is left alone.
        shape: voxels of a scan along right, anterior and superior.
        cells: into how many cells each axis is divided.

    Raises:
        ConfigError: for a backbone of several modalities.
    """

    chance: Mapping[str, float] = {"explained_beyond_position": 0.0}

    known: Tensor

    def __init__(
        self, backbone: MedicalTransformer, shape: tuple[int, int, int], *, cells: tuple[int, int, int] = CELLS
    ) -> None:
        super().__init__()
        if backbone.in_channels != 1:
            raise ConfigError(
                f"Tissues are told by a T1 scan, but the backbone is set up for {backbone.in_channels} modalities; "
                "pre-train on T1w alone, or choose another method."
            )
        self.encoders = backbone.encoders
        self._encode_slices = backbone.encode_slices
        self.cells = cells
        self.readers = nn.ModuleDict()
        self.register_buffer("known", torch.tensor(False))
        for plane in Plane:
            shares = len(TISSUES) * cells[0] * cells[1] * cells[2] // cells[plane.axis]
            self.readers[plane] = nn.Linear(backbone.config.embedding, shares)
            self.register_buffer(f"usual_{plane}", torch.zeros(shape[plane.axis], shares))
            self.register_buffer(f"spread_{plane}", torch.ones(()))

    def forward(self, batch: UnlabelledBatch, generator: torch.Generator) -> Tensor:
        """Return the mean over planes of the error."""
        shown, truth = self.ask(batch.volumes, generator)
        return torch.stack([error.mean() for error in self._errors(self._encode(shown), truth).values()]).mean()

    @torch.no_grad()
    def settle(self, batches: Iterable[UnlabelledBatch]) -> None:
        """Learn once, from training scans that are offered and their mirror images, what is usual at each place."""
        if self.known:
            return
        shares = [self._measure(view) for batch in batches for view in (batch.volumes, batch.volumes.flip(2))]
        for plane in Plane:
            seen = torch.cat([one[plane] for one in shares])
            usual = seen.mean(dim=0)
            getattr(self, f"usual_{plane}").copy_(usual)
            getattr(self, f"spread_{plane}").copy_((seen - usual).square().mean().sqrt().clamp_min(1e-6))
        self.known.fill_(True)

    def validate(self, batches: Iterable[UnlabelledBatch], generator: torch.Generator) -> Mapping[str, float]:
        """Return the error, and how much of what is not usual it explains.

        Raises:
            CollapseError: if all scans are encoded alike.
        """
        error: list[Tensor] = []
        unusual: list[Tensor] = []
        seen: dict[Plane, list[Tensor]] = {plane: [] for plane in Plane}
        for batch in batches:
            shown, truth = self.ask(batch.volumes, generator)
            encoded = self._encode(shown)
            error.extend(self._errors(encoded, truth).values())
            unusual.extend(shares.square().mean(dim=(1, 2)) for shares in truth.values())
            for plane in Plane:
                seen[plane].append(encoded[plane].mean(dim=1))
        refuse_collapse([relative_spread(torch.cat(vectors)) for vectors in seen.values()])
        loss, most = float(torch.cat(error).mean()), float(torch.cat(unusual).mean())
        return {"loss": loss, "explained_beyond_position": 1 - loss / max(most, 1e-12)}

    def ask(self, volumes: VolumeBatch, generator: torch.Generator) -> tuple[VolumeBatch, dict[Plane, SliceShares]]:
        """Mirror some scans and draw a curve for each; returns the scans to show, and what is unusual about them."""
        mirrored = torch.rand((len(volumes),), generator=generator, device=generator.device) < 0.5
        turned = torch.where(mirrored.to(volumes.device)[:, None, None, None, None], volumes.flip(2), volumes)
        curves = draw_curves(len(volumes), generator, device=volumes.device)
        with torch.no_grad():
            shares = self._measure(turned)
        return transform_intensities(turned, curves), {
            plane: (shares[plane] - getattr(self, f"usual_{plane}")) / getattr(self, f"spread_{plane}")
            for plane in Plane
        }

    def _encode(self, volumes: VolumeBatch) -> dict[Plane, Encodings]:
        return {plane: features.vectors for plane, features in self._encode_slices(volumes).items()}

    def _errors(
        self, encoded: Mapping[Plane, Encodings], truth: Mapping[Plane, SliceShares]
    ) -> dict[Plane, Float[Tensor, "batch"]]:
        """Return each scan's mean squared error."""
        return {
            plane: (self.readers[plane](encoded[plane]) - truth[plane]).square().mean(dim=(1, 2)) for plane in Plane
        }

    def _measure(self, volumes: VolumeBatch) -> dict[Plane, SliceShares]:
        """Return the share of each tissue in each cell of each slice."""
        maps = tissues_of(volumes)
        return {plane: shares_per_slice(maps, plane, self.cells) for plane in Plane}


def shares_per_slice(
    maps: Float[Tensor, "batch 3 right anterior superior"], plane: Plane, cells: tuple[int, int, int]
) -> SliceShares:
    """Return the mean share of each tissue in each cell of each slice of a plane.

    Args:
        maps: share of each tissue in each voxel.
        plane: to cut along.
        cells: into how many cells each axis is divided; the plane's own axis stays as it is.
    """
    right, anterior, superior = (maps.shape[2 + axis] if axis == plane.axis else cells[axis] for axis in range(3))
    return cut(functional.adaptive_avg_pool3d(maps, (right, anterior, superior)), plane).flatten(2)
