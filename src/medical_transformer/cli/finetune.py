"""`medtrans finetune`."""

from medical_transformer.cli import options
from medical_transformer.cli.options import say
from medical_transformer.cli.training_options import finetune_config


def finetune(
    prepared: options.PreparedFolder,
    out: options.Out,
    label: options.Label,
    task: options.Kind = "auto",
    encoder: options.Encoder = None,
    config: options.ConfigFile = None,
    pool: options.Pool = None,
    modalities: options.Modalities = None,
    epochs: options.Epochs = None,
    batch_size: options.BatchSize = None,
    learning_rate: options.LearningRate = None,
    patience: options.Patience = None,
    augment: options.Augment = None,
    seed: options.Seed = None,
    device: options.Device = None,
    preset: options.Preset = None,
) -> None:
    """Train for a task, from scratch or from a pre-trained encoder; leaves a model that predicts."""
    from medical_transformer.experiments import finetune as run

    training = options.given(
        epochs=epochs, batch_size=batch_size, learning_rate=learning_rate, patience=patience, augment=augment,
        seed=seed, device=device,
    )  # fmt: skip
    over = {
        **options.input_settings(pool, modalities),
        **options.backbone_settings(preset),
        "training": training,
    }
    settings = options.merged(options.read_config(config), over)
    done = run(prepared, out, finetune_config(prepared, label, task, encoder, settings))
    say(f"Model → {done.folder}")
