"""`medtrans evaluate`."""

from typing import Annotated

import typer

from medical_transformer.cli import options
from medical_transformer.cli.settings_files import read_config, section, validated, without
from medical_transformer.cli.training_options import FinetuneOptions, finetune_config, with_finetune_options


@with_finetune_options
def evaluate(
    prepared: options.PreparedFolder,
    out: options.Out,
    asked: FinetuneOptions,
    folds: Annotated[int | None, typer.Option(help="Folds (5); each tests once and validates once.")] = None,
    fold_seed: Annotated[int | None, typer.Option(help="Decides who is in which fold (0).")] = None,
    resume: options.Resume = None,
) -> None:
    """Cross-validate a fine-tuning by subject, and write predictions, metrics and a report."""
    del resume  # answered before anything else
    from rich.console import Console

    from medical_transformer.experiments import EvaluateConfig
    from medical_transformer.experiments import evaluate as run
    from medical_transformer.reporting import result_table

    written = read_config(asked.config)
    # The settings of a fine-tuning alone will do, as well as those of a whole evaluation.
    around = {name: value for name, value in written.items() if name in EvaluateConfig.model_fields}
    inner = section(written, "finetune") if "finetune" in written else without(written, around)
    finetuning = finetune_config(prepared, asked, inner)
    whole = {**around, "finetune": finetuning, **options.given(folds=folds, fold_seed=fold_seed)}
    result = run(prepared, out, validated(EvaluateConfig, whole))
    screen = Console()
    screen.print(result_table(result))
    options.say(f"Report → {out / 'report.html'}")
