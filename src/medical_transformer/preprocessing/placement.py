"""Where the prepared grid lies in the native one, and the way between them in both directions."""

from dataclasses import dataclass

import numpy as np

from medical_transformer.errors import PreparationError
from medical_transformer.preprocessing.config import PipelineConfig
from medical_transformer.preprocessing.template import MNI_GRID
from medical_transformer.volumes import (
    Box,
    Grid,
    Volume,
    average_pool,
    bounding_box,
    centred_box,
    crop,
    majority_pool,
    pooled_grid,
    resample,
    uncrop,
)
from medical_transformer.volumes.grid import Affine


@dataclass(frozen=True, slots=True, eq=False)
class Placement:
    """The way from the native grid to the prepared grid, and back.

    Attributes:
        native: grid of the input, in RAS+.
        fine: grid before pooling: the 2009c grid at 1 mm, or the box at native voxels.
        native_from_template: affine from millimetres of the prepared space to native millimetres.
        box: the box that was cut out, for space=crop.
        pool: voxels per axis that pooling averages.
    """

    native: Grid
    fine: Grid
    native_from_template: Affine
    box: Box | None
    pool: int

    @property
    def prepared(self) -> Grid:
        """The network's grid."""
        return pooled_grid(self.fine, self.pool)

    @property
    def template_from_native(self) -> Affine:
        """Affine from native millimetres to millimetres of the prepared space."""
        inverse: Affine = np.linalg.inv(self.native_from_template)
        return inverse

    def to_fine(self, volume: Volume, *, order: int) -> Volume:
        """Carry a native volume to the grid before pooling, by one interpolation or by cropping."""
        if self.box is not None:
            return crop(volume, self.box)
        return resample(volume, self.fine, world_to_world=self.native_from_template, order=order)

    def mask_to_fine(self, mask: Volume) -> Volume:
        """Carry a native mask: true where at least half of it is inside."""
        share = self.to_fine(mask.with_voxels(mask.voxels.astype(np.float32)), order=1)
        return share.with_voxels(share.voxels >= 0.5)

    def labels_to_prepared(self, labels: Volume) -> Volume:
        """Carry a native label map: nearest label, then the majority of each pooled block."""
        return majority_pool(self.to_fine(labels, order=0), self.pool)

    def to_native(self, volume: Volume, *, order: int) -> Volume:
        """Carry a volume on the prepared grid back to the native grid.

        Args:
            volume: on the prepared grid.
            order: 0 for labels, 1 linear, 3 cubic. A box that was not pooled is put back exactly.

        Raises:
            PreparationError: if the volume is on another grid.
        """
        if not volume.grid.is_close(self.prepared):
            raise PreparationError(
                f"Only a volume on the prepared grid {self.prepared.shape} can go back, not {volume.shape}."
            )
        if self.box is None:
            return resample(volume, self.native, world_to_world=self.template_from_native, order=order)
        unpooled = volume if self.pool == 1 else resample(volume, self.fine, order=order)
        return uncrop(unpooled, self.box, self.native)


def place_in_template(native: Grid, native_from_template: Affine, pool: int) -> Placement:
    """Return the way to the 2009c grid through an affine."""
    return Placement(native, MNI_GRID, native_from_template, None, pool)


def place_in_box(mask: Volume, config: PipelineConfig) -> Placement:
    """Return the way to a box around the brain, at native voxels.

    Raises:
        VolumeError: if the mask is empty.
    """
    box = centred_box(bounding_box(mask.voxels), config.crop_shape, mask.shape)
    return Placement(mask.grid, crop(mask, box).grid, np.eye(4), box, config.pool)


def pool_masked(volume: Volume, mask: Volume, factor: int) -> Volume:
    """Average blocks and set what lies outside the pooled mask to exactly 0."""
    pooled = average_pool(volume, factor)
    return pooled.with_voxels(np.where(mask.voxels, pooled.voxels, np.float32(0.0)))
