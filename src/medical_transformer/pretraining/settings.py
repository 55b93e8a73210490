"""The settings of every way to pre-train; the names are the rows of the paper's tables."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from medical_transformer.pretraining import patch_location, slice_tissues


class MethodSettings(BaseModel):
    """Settings of one method; `name` chooses it."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


PatchShare = Annotated[
    float, Field(gt=0, lt=1, description="Share of a cell's side that its patch takes; 39/42 is published.")
]


Side = Annotated[int, Field(ge=1)]


class TwoStages(MethodSettings):
    """The paper's own method; its settings are those of the two stages."""

    name: Literal["medical-transformer"] = "medical-transformer"


class PatchLocationSettings(MethodSettings):
    """Which of 26 neighbours of the central patch is this one?"""

    name: Literal["3d-rpl"] = "3d-rpl"
    patch_share: PatchShare = patch_location.PATCH_SHARE


class RotationSettings(MethodSettings):
    """By which of ten quarter turns was the scan rotated?"""

    name: Literal["3d-rotation"] = "3d-rotation"
    side: Annotated[
        int | None, Field(ge=8, le=512, description="Side of the cube that is turned; none is the longest axis.")
    ] = None


class JigsawSettings(MethodSettings):
    """By which of the fixed permutations were the 27 patches shuffled?"""

    name: Literal["3d-jigsaw"] = "3d-jigsaw"
    patch_share: PatchShare = patch_location.PATCH_SHARE
    permutations: Annotated[int, Field(ge=2, le=1000, description="How many permutations; 100 are published.")] = 100
    choice: Annotated[
        Literal["random", "distant"],
        Field(description="Random permutations as in the authors' code, or far apart as in their paper."),
    ] = "random"


class PredictiveCodingSettings(MethodSettings):
    """Which patches follow in this scan?"""

    name: Literal["3d-cpc"] = "3d-cpc"
    code_size: Annotated[int, Field(ge=2, le=4096, description="Features of a patch's code.")] = 1024
    loss: Annotated[
        Literal["binary", "infonce"],
        Field(description="Binary cross-entropy as in the authors' code, or InfoNCE as in their paper."),
    ] = "binary"
    negatives: Annotated[
        int, Field(ge=1, le=4096, description="Negatives per context for `infonce`; `binary` has one.")
    ] = 15


class VolumeExemplarSettings(MethodSettings):
    """Is the augmented scan nearer to itself than to another subject's?"""

    name: Literal["3d-exemplar"] = "3d-exemplar"
    margin: Annotated[float, Field(gt=0, description="Margin of the triplet loss.")] = 1.0
    code_size: Annotated[int, Field(ge=2, le=4096, description="Sigmoids of a scan's code.")] = 1024
    separate_layers: Annotated[
        bool, Field(description="Code anchor, positive and negative by layers of their own, as the authors' code does.")
    ] = False


class RestorationSettings(MethodSettings):
    """What did the distorted scan look like?"""

    name: Literal["models-genesis"] = "models-genesis"
    cube: Annotated[
        tuple[Side, Side, Side] | None,
        Field(description="Restore cubes of this size, 64x64x32 as published, instead of whole scans."),
    ] = None


Cells = Annotated[int, Field(ge=1, le=256)]


class SliceTissuesSettings(MethodSettings):
    """How much CSF, grey and white matter lies where in a slice?"""

    name: Literal["slice-tissues"] = "slice-tissues"
    cells: Annotated[
        tuple[Cells, Cells, Cells],
        Field(description="Cells of a slice along right, anterior and superior; 8 x 10 x 8 are 24 mm each."),
    ] = slice_tissues.CELLS


AnyMethod = Annotated[
    TwoStages
    | PatchLocationSettings
    | RotationSettings
    | JigsawSettings
    | PredictiveCodingSettings
    | VolumeExemplarSettings
    | RestorationSettings
    | SliceTissuesSettings,
    Field(discriminator="name"),
]
