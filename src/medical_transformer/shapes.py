"""The dimension key: every axis word used in an annotation, and the array types built from them.

================  =====================================================================
word              meaning
================  =====================================================================
batch             scans that are computed together
channel           modalities of an input, or features of a map
right             voxels from the subject's left to right (stored RAS+: the index grows to the right)
anterior          voxels from back to front
superior          voxels from foot to head
slice             slices of one plane, in the order of the axis they were cut along
asked             the slices of a plane whose vectors are wanted, as many of every scan
height, width     the two axes inside a slice, in the order of the volume
embedding         features of one slice's encoding vector (d_emb of the paper)
feature           features of one scan's vector
output            values that a head predicts: classes, regions or one number
================  =====================================================================

Shapes are checked while the tests run (jaxtyping with beartype), so they cannot go stale.
"""

from jaxtyping import Bool, Float, Int
from torch import Tensor

VolumeBatch = Float[Tensor, "batch channel right anterior superior"]
FeatureMap = Float[Tensor, "batch _channel _right _anterior _superior"]
SliceStack = Float[Tensor, "batch slice channel height width"]
Encodings = Float[Tensor, "batch slice embedding"]
PlaneVectors = Float[Tensor, "batch embedding"]
ScanVectors = Float[Tensor, "batch feature"]
ScanNumbers = Float[Tensor, "batch"]
Outputs = Float[Tensor, "batch output"]
OutputMap = Float[Tensor, "batch output right anterior superior"]
LabelMap = Int[Tensor, "batch right anterior superior"]
Places = Int[Tensor, "batch asked"]
AskedEncodings = Float[Tensor, "batch asked embedding"]
SliceMask = Bool[Tensor, "batch slice"]

__all__ = [
    "AskedEncodings",
    "Encodings",
    "FeatureMap",
    "LabelMap",
    "OutputMap",
    "Outputs",
    "Places",
    "PlaneVectors",
    "ScanNumbers",
    "ScanVectors",
    "SliceMask",
    "SliceStack",
    "VolumeBatch",
]
