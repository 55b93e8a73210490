"""`medtrans pretrain`."""

from typing import Annotated

import typer

from medical_transformer.cli import options
from medical_transformer.cli.options import say
from medical_transformer.cli.settings_files import merged, read_config, validated

METHODS = (
    "medical-transformer", "slice-tissues",
    "3d-rpl", "3d-rotation", "3d-jigsaw", "3d-cpc", "3d-exemplar", "models-genesis",
)  # fmt: skip


def pretrain(
    prepared: options.PreparedFolder,
    out: options.Out,
    method: Annotated[
        str | None, typer.Option(help=f"{', '.join(METHODS)}. Without it: the paper's two stages.")
    ] = None,
    config: options.ConfigFile = None,
    pool: options.Pool = None,
    epochs: Annotated[int | None, typer.Option(help="At most this many epochs (of stage 1).")] = None,
    masked_epochs: Annotated[int | None, typer.Option(help="At most this many epochs of stage 2.")] = None,
    batch_size: options.BatchSize = None,
    learning_rate: options.LearningRate = None,
    patience: options.Patience = None,
    seed: options.Seed = None,
    device: options.Device = None,
    backbone: options.Backbone = None,
    preset: options.Preset = None,
    weights: options.Weights = None,
    resume: options.Resume = None,
) -> None:
    """Teach an encoder without labels: by the exemplar network and masked encoding, or by a pretext task."""
    del resume  # answered before anything else
    from medical_transformer.experiments import PretrainConfig
    from medical_transformer.experiments import pretrain as run

    shared = options.given(
        batch_size=batch_size, learning_rate=learning_rate, patience=patience, seed=seed, device=device
    )
    over = {
        **options.input_settings(pool, None),
        **({} if method is None else {"method": {"name": method}}),
        "exemplar": {**shared, **options.given(epochs=epochs)},
        "training": {**shared, **options.given(epochs=epochs)},
        "masked": {**shared, **options.given(epochs=masked_epochs)},
    }
    written = options.choose_backbone(read_config(config), backbone, preset, weights)
    settings = merged(written, over)
    done = run(prepared, out, validated(PretrainConfig, settings))
    say(f"Encoder → {done.folder}")
