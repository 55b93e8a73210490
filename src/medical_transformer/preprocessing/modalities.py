"""Reading the images of one scan and checking that they belong together."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from medical_transformer.errors import PreparationError, VolumeError
from medical_transformer.preprocessing.coregistration import bring_to
from medical_transformer.volumes import StoredGrid, Volume, read_label_map, read_volume

LEAD = "T1w"
# Share of neighbours in a foreground that are exactly equal: 0.66 to 0.75 in label maps at 2 mm and more in
# finer ones, below 0.1 in images, also those kept in 8 bits.
MOST_EQUAL_NEIGHBOURS = 0.5
SAME_GRID_MM = 0.05


@dataclass(frozen=True, slots=True, eq=False)
class RawScan:
    """The images of one scan as they were read, in RAS+ and on one grid.

    Attributes:
        volumes: modality to volume; the first one leads (its brain mask and registration hold for all).
        strays: further images that lie on grids of their own.
        segmentation: a label map on the same grid.
        stored: how the leading image's file stores its voxels.
    """

    volumes: Mapping[str, Volume]
    segmentation: Volume | None
    stored: StoredGrid
    strays: Mapping[str, Volume] = field(default_factory=dict)

    @property
    def lead(self) -> Volume:
        """The image that decides on mask and registration."""
        return next(iter(self.volumes.values()))

    @property
    def lead_modality(self) -> str:
        """The modality of the leading image."""
        return next(iter(self.volumes))


def leading_order(images: Mapping[str, Path]) -> dict[str, Path]:
    """Put T1w first, which brain extraction and the template know best; keep the order otherwise."""
    return dict(sorted(images.items(), key=lambda item: item[0] != LEAD))


def read_raw(images: Mapping[str, Path], segmentation: Path | None) -> RawScan:
    """Read all images of a scan.

    Raises:
        VolumeError: naming the file that is not a usable MRI.
        PreparationError: if there is no image, or the segmentation lies on another grid than the leading image.
    """
    if not images:
        raise PreparationError("A scan without an image cannot be prepared.")
    volumes: dict[str, Volume] = {}
    strays: dict[str, Volume] = {}
    grids: list[StoredGrid] = []
    for modality, path in leading_order(images).items():
        volume, stored = read_volume(path)
        _refuse_label_map(volume, path)
        together = not volumes or next(iter(volumes.values())).grid.is_close(volume.grid, SAME_GRID_MM)
        (volumes if together else strays)[modality] = volume
        grids.append(stored)
    labels = None
    if segmentation is not None:
        labels, _ = read_label_map(segmentation)
        _check_same_grid(next(iter(volumes.values())), labels, segmentation)
    return RawScan(volumes, labels, grids[0], strays)


def bring_together(raw: RawScan) -> RawScan:
    """Register the strays to the leading image and bring them onto its grid; what shares its grid is left as it is."""
    brought = {word: bring_to(raw.lead, volume) for word, volume in raw.strays.items()}
    return replace(raw, volumes={**raw.volumes, **brought}, strays={})


def _check_same_grid(lead: Volume, other: Volume, path: Path) -> None:
    if not lead.grid.is_close(other.grid, SAME_GRID_MM):
        raise PreparationError(
            f"{path}: the segmentation lies on another grid ({other.shape}) than the scan's leading image "
            f"({lead.shape}); bring it to that grid first."
        )


def _refuse_label_map(volume: Volume, path: Path) -> None:
    voxels = volume.voxels
    here, next_to = voxels[:-1], voxels[1:]
    # Air is 0, or whatever the corner holds where a scan was shifted.
    air = np.isin(voxels, (0, voxels.flat[0]))
    both = ~air[:-1] & ~air[1:] & (here < voxels.max())
    if both.any() and float(np.mean(here[both] == next_to[both])) > MOST_EQUAL_NEIGHBOURS:
        raise VolumeError(f"{path}: looks like a label map (most neighbours are equal), not like an MRI.")
