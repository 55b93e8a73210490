"""From the options of `finetune` and `evaluate` to their typed value."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from medical_transformer.cli import options
from medical_transformer.errors import ConfigError

if TYPE_CHECKING:
    from medical_transformer.experiments import FinetuneConfig


def finetune_config(
    prepared: Path, label: str, kind: str, encoder: Path | None, settings: dict[str, Any]
) -> "FinetuneConfig":
    """Join a settings file and options; what an encoder was trained with is taken from it.

    Args:
        prepared: the prepared cohort, to look up the label.
        label: what is predicted.
        kind: the kind of task, or `auto`.
        encoder: folder of a pre-trained encoder.
        settings: settings file and options, already merged.
    """
    from medical_transformer.cohorts import Cohort
    from medical_transformer.experiments import FinetuneConfig, choose_task

    if settings.get("task", {"label": label})["label"] != label:
        raise ConfigError(f"The settings file is of the label {settings['task']['label']!r}, but --label is {label!r}.")
    if "task" not in settings:
        task = choose_task(Cohort.load(prepared), label, kind)
        settings = {**settings, "task": task.model_dump(mode="json")}
    if encoder is not None:
        settings = options.merged(_of_encoder(encoder), {**settings, "encoder": str(encoder)})
    return options.validated(FinetuneConfig, settings)


def _of_encoder(folder: Path) -> dict[str, Any]:
    """Return the settings that must be those of the encoder unless the user says otherwise."""
    from medical_transformer.tasks import load_model

    saved = load_model(folder)
    return {"backbone": dict(saved.backbone), "input": {"pool": saved.pool, "modalities": list(saved.modalities)}}
