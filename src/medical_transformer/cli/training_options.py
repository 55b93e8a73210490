"""From the options that `finetune` and `evaluate` share to their typed value."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

from medical_transformer.cli import options
from medical_transformer.cli.settings_files import merged, read_regions, section, validated
from medical_transformer.errors import ConfigError

if TYPE_CHECKING:
    from medical_transformer.experiments import FinetuneConfig


@dataclass(frozen=True, slots=True)
class FinetuneOptions:
    """What can be said of a fine-tuning on the command line; None was not said."""

    label: options.Label
    task: options.Kind = "auto"
    regions: options.Regions = None
    icv: options.Icv = False
    encoder: options.Encoder = None
    config: options.ConfigFile = None
    pool: options.Pool = None
    modalities: options.Modalities = None
    epochs: options.Epochs = None
    batch_size: options.BatchSize = None
    learning_rate: options.LearningRate = None
    patience: options.Patience = None
    augment: options.Augment = None
    head: options.Head = None
    seed: options.Seed = None
    device: options.Device = None
    backbone: options.Backbone = None
    preset: options.Preset = None
    weights: options.Weights = None

    def over(self, written: dict[str, Any]) -> dict[str, Any]:
        """Return the settings of a file with those of the command line, which win."""
        training = options.given(
            epochs=self.epochs, batch_size=self.batch_size, learning_rate=self.learning_rate, patience=self.patience,
            augment=self.augment, seed=self.seed, device=self.device,
        )  # fmt: skip
        inputs = options.input_settings(self.pool, self.modalities)
        settings = merged(written, {**inputs, **options.given(head=self.head), "training": training})
        return options.choose_backbone(settings, self.backbone, self.preset, self.weights)


def with_finetune_options(verb: Callable[..., None]) -> Callable[..., None]:
    """Give a verb the options of a fine-tuning, one by one, in place of its argument `asked`."""
    shared = inspect.signature(FinetuneOptions, eval_str=True).parameters
    own = [one for one in inspect.signature(verb, eval_str=True).parameters.values() if one.name != "asked"]

    @wraps(verb)
    def run(**words: Any) -> None:
        verb(asked=FinetuneOptions(**{name: words.pop(name) for name in shared}), **words)

    every = [one.replace(kind=inspect.Parameter.KEYWORD_ONLY) for one in (*own, *shared.values())]
    run.__annotations__ = {one.name: one.annotation for one in every}
    vars(run)["__signature__"] = inspect.Signature(every)  # what the command line is made from
    return run


def finetune_config(prepared: Path, asked: FinetuneOptions, written: dict[str, Any]) -> "FinetuneConfig":
    """Join a settings file and options; what an encoder was trained with is taken from it.

    Args:
        prepared: the prepared cohort, to look up the label.
        asked: the options.
        written: what the settings file says of the fine-tuning.

    Raises:
        ConfigError: if file, options and encoder contradict one another.
    """
    from medical_transformer.experiments import FinetuneConfig, choose_task
    from medical_transformer.preprocessing import load_prepared
    from medical_transformer.tasks.shipped import lasting_name

    settings, label = asked.over(written), asked.label
    said = section(settings, "task").get("label", label)
    if said != label:
        raise ConfigError(f"The settings file is of the label {said!r}, but --label is {label!r}.")
    if "task" not in settings:
        regions = read_regions(asked.regions)
        task = choose_task(load_prepared(prepared), label, asked.task, regions=regions, icv=asked.icv)
        settings = {**settings, "task": task.model_dump(mode="json")}
    elif asked.icv:
        settings = merged(settings, {"task": {"icv": True}})
    if asked.encoder is not None:
        settings = merged(_of_encoder(asked.encoder, settings), {**settings, "encoder": lasting_name(asked.encoder)})
    return validated(FinetuneConfig, settings)


def _of_encoder(encoder: str, settings: dict[str, Any]) -> dict[str, Any]:
    """Return the settings that must be those of the encoder unless the user says otherwise."""
    from medical_transformer.tasks import find_model, load_model

    saved = load_model(find_model(encoder))
    name = section(settings, "backbone").get("name", saved.backbone["name"])
    if name != saved.backbone["name"]:
        raise ConfigError(f"{encoder} holds a {saved.backbone['name']}, but --backbone is {name}.")
    return {"backbone": dict(saved.backbone), "input": {"pool": saved.pool, "modalities": list(saved.modalities)}}
