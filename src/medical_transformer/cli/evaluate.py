"""`medtrans evaluate`."""

from typing import Annotated

import typer

from medical_transformer.cli import options
from medical_transformer.cli.training_options import finetune_config


def evaluate(
    prepared: options.PreparedFolder,
    out: options.Out,
    label: options.Label,
    task: options.Kind = "auto",
    encoder: options.Encoder = None,
    folds: Annotated[int, typer.Option(help="Folds; each tests once and validates once.")] = 5,
    fold_seed: Annotated[int, typer.Option(help="Decides who is in which fold.")] = 0,
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
    """Cross-validate a fine-tuning by subject, and write predictions, metrics and a report."""
    from rich.console import Console

    from medical_transformer.experiments import EvaluateConfig
    from medical_transformer.experiments import evaluate as run
    from medical_transformer.reporting import result_table

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
    finetuning = finetune_config(prepared, label, task, encoder, settings)
    result = run(prepared, out, EvaluateConfig(finetune=finetuning, folds=folds, fold_seed=fold_seed))
    screen = Console()
    screen.print(result_table(result))
    screen.print(f"Report → {out / 'report.html'}", highlight=False)
