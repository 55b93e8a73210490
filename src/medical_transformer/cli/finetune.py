"""`medtrans finetune`."""

from medical_transformer.cli import options
from medical_transformer.cli.settings_files import read_config
from medical_transformer.cli.training_options import FinetuneOptions, finetune_config, with_finetune_options


@with_finetune_options
def finetune(
    prepared: options.PreparedFolder, out: options.Out, asked: FinetuneOptions, resume: options.Resume = None
) -> None:
    """Train for a task, from scratch or from a pre-trained encoder; leaves a model that predicts."""
    del resume  # answered before anything else
    from medical_transformer.experiments import finetune as run

    done = run(prepared, out, finetune_config(prepared, asked, read_config(asked.config)))
    options.say(f"Model → {done.folder}")
