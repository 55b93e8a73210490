"""Options that several verbs share, and what they say in a settings file."""

from pathlib import Path
from typing import Annotated, Any

import typer

from medical_transformer.cli.settings_files import section
from medical_transformer.errors import ConfigError


def writable(out: Path | None) -> Path | None:
    """Refuse a folder that cannot be written to before hours of work go by.

    Raises:
        ConfigError: naming what stands in the way.
    """
    if out is None:
        return None
    from medical_transformer.volumes.whole_files import check_writable

    try:
        check_writable(out)
    except ConfigError as error:
        raise ConfigError(f"--out {error}") from error
    return out


Out = Annotated[
    Path,
    typer.Option("--out", "-o", help="Folder for what is written.", show_default=False, callback=writable),
]
PreparedFolder = Annotated[Path, typer.Argument(help="What `medtrans prepare` wrote.", show_default=False)]
ConfigFile = Annotated[
    Path | None, typer.Option("--config", help="YAML or JSON with every setting; options given here win.")
]
Pool = Annotated[int | None, typer.Option(help="Pool the prepared volumes again; 2 is 48x57x48, for a laptop.")]
Epochs = Annotated[int | None, typer.Option(help="At most this many epochs.")]
BatchSize = Annotated[int | None, typer.Option(help="Scans per step.")]
LearningRate = Annotated[float | None, typer.Option(help="Initial learning rate.")]
Patience = Annotated[int | None, typer.Option(help="Epochs without improvement before stopping.")]
Icv = Annotated[
    bool, typer.Option("--icv", help="Also tell the model the intracranial volume, which registration takes away.")
]
Augment = Annotated[bool | None, typer.Option("--augment/--no-augment", help="Vary the training scans.")]
Head = Annotated[
    str | None,
    typer.Option(help="Start of a linear head: random (default), or fitted to the encoder's vectors before training."),
]
Seed = Annotated[int | None, typer.Option(help="Decides initial weights and every draw.")]
Device = Annotated[str | None, typer.Option(help="auto, cpu or cuda.")]
Backbone = Annotated[str | None, typer.Option(help="Network by name; `medtrans methods` lists them.")]
Preset = Annotated[
    str | None,
    typer.Option(help="Settings of the medical-transformer: table3 (default), text, equation-2 or no-transformer."),
]
Weights = Annotated[
    str | None,
    typer.Option(help="Weights that others published: a file, or a name of `medtrans methods`, which is fetched."),
]
Label = Annotated[str, typer.Option(help="Label to predict, or `segmentation`.", show_default=False)]
Kind = Annotated[str, typer.Option("--task", help="classification, regression, segmentation or auto.")]
Regions = Annotated[
    Path | None, typer.Option(help="YAML file of regions for a segmentation: each name with its label values.")
]
Encoder = Annotated[
    str | None,
    typer.Option(help="Pre-trained encoder: its folder, or a name of `medtrans models`; without it: from scratch."),
]
Modalities = Annotated[str | None, typer.Option(help="Input channels, separated by commas (default T1w).")]


WORDS = "medical_transformer.words"  # where a verb keeps, among click's own notes, what was typed after it


def _resume(context: typer.Context, folder: Path | None) -> None:
    """Go on with a run before any other option is asked for.

    Raises:
        ConfigError: if anything else was typed, which the run would not heed.
    """
    if folder is None:
        return
    others = _typed_beside_resume(context)
    if others:
        raise ConfigError(
            f"--resume goes on with the settings of {folder}, so {', '.join(others)} would count for nothing; leave "
            "everything else out, or start another run with another --out."
        )
    from medical_transformer.experiments import resume

    assert context.info_name is not None
    resume(folder, context.info_name)
    say(f"Done → {folder}")
    raise typer.Exit


def _typed_beside_resume(context: typer.Context) -> list[str]:
    """Return the options, as they were typed, and the arguments that stand beside `--resume`."""
    words = list(context.meta[WORDS])
    values, _, parameters = context.command.make_parser(context).parse_args(list(words))
    spelt = {word.partition("=")[0] for word in words}
    beside = []
    for one in parameters:
        if one.param_type_name == "argument" and isinstance(values.get(one.name), str):
            beside.append(str(values[one.name]))
        elif one.name != "resume":
            beside += [name for name in (*one.opts, *one.secondary_opts) if name in spelt]
    return list(dict.fromkeys(beside))


Resume = Annotated[
    Path | None,
    typer.Option(
        "--resume",
        is_eager=True,
        callback=_resume,
        help="Go on with the unfinished run of this folder; nothing else need be given.",
    ),
]


def say(text: str) -> None:
    """Tell the person something; results go to standard output, words to standard error."""
    from rich.console import Console

    Console(stderr=True).print(text, markup=False, highlight=False, soft_wrap=True)


def given(**values: Any) -> dict[str, Any]:
    """Return the options that were given on the command line."""
    return {name: value for name, value in values.items() if value is not None}


def choose_backbone(
    settings: dict[str, Any], backbone: str | None, preset: str | None, weights: str | None
) -> dict[str, Any]:
    """Put the chosen network into settings; what they say of another network is dropped.

    Raises:
        ConfigError: for an unknown backbone or preset, or a preset of another backbone.
    """
    from medical_transformer.backbones import PRESETS, find_backbone

    before = section(settings, "backbone")
    name = backbone or ("medical-transformer" if preset else before.get("name", "medical-transformer"))
    find_backbone(name)
    chosen = dict(before) if before.get("name", "medical-transformer") == name else {}
    chosen |= given(name=backbone or (name if preset else None), weights=weights)
    if preset is not None:
        if preset not in PRESETS:
            raise ConfigError(f"There is no preset {preset!r}; there are: {', '.join(PRESETS)}.")
        if name != "medical-transformer":
            raise ConfigError(f"--preset {preset} is of the medical-transformer and not of {name}; leave one out.")
        chosen["settings"] = PRESETS[preset].model_dump(mode="json", exclude_defaults=True)
    return {**settings, "backbone": chosen} if chosen else settings


def input_settings(pool: int | None, modalities: str | None) -> dict[str, Any]:
    """Return what the network sees, as far as it was given."""
    named = None if modalities is None else [word.strip() for word in modalities.split(",")]
    return {"input": given(pool=pool, modalities=named)}
