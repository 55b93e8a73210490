"""Every number that decides the network, with its source."""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator


class MedicalTransformerConfig(BaseModel):
    """The network of the paper.

    The defaults reproduce Table 3 (2.402M / 2.401M / 2.410M parameters). Section 4.1.1 words other sizes
    (d_emb 16, d_ff 64): the preset `text`. Both cannot be true; see `docs/decisions/0003-which-network.md`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    in_channels: Annotated[int, Field(ge=1, le=16, description="Modalities of a scan.")] = 1
    width: Annotated[int, Field(ge=4, le=128, description="Channels of the ResNet's first stage.")] = 16
    embedding: Annotated[
        int, Field(ge=4, le=1024, multiple_of=2, description="d_emb, features of a slice's vector.")
    ] = 64
    feed_forward: Annotated[int, Field(ge=4, le=8192, description="d_ff, hidden features of Eq. 3.")] = 128
    heads: Annotated[int, Field(ge=1, le=64, description="Attention heads (h).")] = 4
    head_size: Annotated[int, Field(ge=1, le=1024, description="Features of one head's queries and keys.")] = 256
    layers: Annotated[
        int, Field(ge=0, le=24, description="Transformer layers; 0 leaves the transformer out (Table 5).")
    ] = 1
    attention: Annotated[
        Literal["projected", "equation-2"],
        Field(description="Query, key and value projections with a pre-norm, or Eq. 2 to the letter."),
    ] = "projected"
    shared_transformer: Annotated[
        bool, Field(description="One transformer for all planes (Table 3), or one for each.")
    ] = True
    across_planes: Annotated[
        bool, Field(description="Let slices attend to those of all planes instead of their own plane only.")
    ] = False
    dropout: Annotated[float, Field(ge=0, lt=1, description="Dropout inside the transformer.")] = 0.1
    position_base: Annotated[
        float,
        Field(gt=1, description="Wave-length base of the position codes (10,000 in reference 16 of the paper)."),
    ] = 10_000.0

    @model_validator(mode="after")
    def _refuse_one_sequence_for_three_transformers(self) -> Self:
        if self.across_planes and not self.shared_transformer:
            raise ValueError(
                "across_planes lets the slices of all planes look at one another, which one transformer must do, but "
                "shared_transformer is false; set across_planes to false or shared_transformer to true"
            )
        return self


PRESETS = {
    "table3": MedicalTransformerConfig(),
    "text": MedicalTransformerConfig(embedding=16, feed_forward=64, heads=4, head_size=4),
    "equation-2": MedicalTransformerConfig(attention="equation-2"),
    "no-transformer": MedicalTransformerConfig(layers=0),
}
