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
    folds: Annotated[int | None, typer.Option(help="Folds (5); each tests once and validates once.")] = None,
    fold_seed: Annotated[int | None, typer.Option(help="Decides who is in which fold (0).")] = None,
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
    written = options.read_config(config)
    # The settings of a fine-tuning alone will do, as well as those of a whole evaluation.
    around = {name: value for name, value in written.items() if name in EvaluateConfig.model_fields}
    settings = options.merged(written.get("finetune", options.without(written, around)), over)
    finetuning = finetune_config(prepared, label, task, encoder, settings)
    whole = {**around, "finetune": finetuning, **options.given(folds=folds, fold_seed=fold_seed)}
    result = run(prepared, out, options.validated(EvaluateConfig, whole))
    screen = Console()
    screen.print(result_table(result))
    options.say(f"Report → {out / 'report.html'}")
