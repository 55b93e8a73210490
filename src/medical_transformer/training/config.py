"""How a network is trained; the defaults are the paper's (section 4.1.1)."""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator


class TrainingConfig(BaseModel):
    """Optimisation, stopping, and where to compute."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    epochs: Annotated[int, Field(ge=1, le=100_000, description="At most this many epochs.")] = 150
    patience: Annotated[
        int, Field(ge=1, description="Stop after this many epochs without a better validation number.")
    ] = 30
    batch_size: Annotated[int, Field(ge=1, le=4096, description="Scans per step.")] = 10
    learning_rate: Annotated[float, Field(gt=0, le=1, description="Initial learning rate of Adam.")] = 1e-4
    decay: Annotated[float, Field(gt=0, le=1, description="Factor on the learning rate after each epoch.")] = 0.99
    schedule: Annotated[
        Literal["decay", "cosine"],
        Field(description="Multiplicative decay as in the paper, or a warm-up with a cosine to zero."),
    ] = "decay"
    warmup_epochs: Annotated[float, Field(ge=0, description="Epochs of linear warm-up, for `cosine`.")] = 2.0
    weight_decay: Annotated[float, Field(ge=0, lt=1, description="Decoupled weight decay (AdamW); 0 is Adam.")] = 0.0
    gradient_norm: Annotated[
        float | None, Field(gt=0, description="Clip the gradient to this norm; none leaves it as it is.")
    ] = None
    seed: Annotated[int, Field(ge=0, description="Decides the initial weights and every draw.")] = 0
    device: Annotated[Literal["auto", "cpu", "cuda"], Field(description="Where to compute.")] = "auto"
    precision: Annotated[Literal["32", "bf16"], Field(description="32-bit floats, or bfloat16 inside the network.")] = (
        "32"
    )
    augment: Annotated[
        bool,
        Field(description="Rotate, zoom, shift, mirror (not label maps) and change the contrast of training scans."),
    ] = False
    checkpoint_minutes: Annotated[
        float,
        Field(ge=0, description="Keep a checkpoint within long epochs too, so often; 0 keeps one after every step."),
    ] = 10.0
    compile: Annotated[
        Literal["auto", "never", "always"],
        Field(description="Compile the network; auto does so on a GPU where the run is long enough to win."),
    ] = "auto"

    @model_validator(mode="after")
    def _refuse_a_warm_up_without_an_end(self) -> Self:
        if self.schedule == "cosine" and self.warmup_epochs >= self.epochs:
            raise ValueError(
                f"a warm-up of {self.warmup_epochs:g} epochs never ends in a training of {self.epochs}, so its "
                "learning rate is never reached; set warmup_epochs to less than epochs"
            )
        return self
