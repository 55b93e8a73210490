"""One MRI: its voxels, and where they are in the head."""

from medical_transformer.volumes.address import Address
from medical_transformer.volumes.boxes import Box, bounding_box, centred_box, crop, uncrop
from medical_transformer.volumes.grid import Grid
from medical_transformer.volumes.pooling import average_pool, majority_pool, pooled_grid
from medical_transformer.volumes.reading import StoredGrid, read_label_map, read_volume
from medical_transformer.volumes.resampling import resample
from medical_transformer.volumes.volume import Volume
from medical_transformer.volumes.writing import write_like, write_volume

__all__ = [
    "Address",
    "Box",
    "Grid",
    "StoredGrid",
    "Volume",
    "average_pool",
    "bounding_box",
    "centred_box",
    "crop",
    "majority_pool",
    "pooled_grid",
    "read_label_map",
    "read_volume",
    "resample",
    "uncrop",
    "write_like",
    "write_volume",
]
