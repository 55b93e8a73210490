"""From a settings file, and options that win over it, to a typed value; a wrong setting names the nearest right one."""

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, TypeVar

import yaml
from pydantic import BaseModel, Field, TypeAdapter, ValidationError

from medical_transformer.errors import ConfigError, sentence_of
from medical_transformer.settings import shown, wrong_settings

Values = Annotated[tuple[Annotated[int, Field(gt=0)], ...], Field(min_length=1)]
REGIONS: TypeAdapter[dict[str, Values]] = TypeAdapter(Annotated[dict[str, Values], Field(min_length=1)])
ConfigT = TypeVar("ConfigT", bound=BaseModel)


def read_config(path: Path | None) -> dict[str, Any]:
    """Read a settings file; none says nothing.

    Raises:
        ConfigError: if it is missing or is no mapping.
    """
    if path is None:
        return {}
    try:
        settings = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(sentence_of(error)) from error
    except (UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigError(f"{path}: cannot be read as YAML ({error}).") from error
    if not isinstance(settings, dict):
        raise ConfigError(f"{path}: expected settings by name, but found {shown(settings)}.")
    return settings


def read_regions(path: Path | None) -> dict[str, tuple[int, ...]] | None:
    """Read regions by name with their label values; none where no file is given.

    Raises:
        ConfigError: if the file is something else.
    """
    if path is None:
        return None
    try:
        return REGIONS.validate_python(read_config(path))
    except ValidationError as error:
        raise ConfigError(
            f"{path}: regions are names with lists of label values, such as `ventricles: [4, 11]`."
        ) from error


def section(settings: dict[str, Any], name: str) -> dict[str, Any]:
    """Return the settings below a name; empty where there are none.

    Raises:
        ConfigError: if something else than settings stands there.
    """
    found = settings.get(name, {})
    if not isinstance(found, dict):
        raise ConfigError(f"Settings file, {name}: expected settings by name, but found {shown(found)}.")
    return found


def merged(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """Return nested settings in which those of `over` win.

    Raises:
        ConfigError: if `base` has a single value where `over` has settings.
    """
    result = dict(base)
    for name, value in over.items():
        result[name] = merged(section(base, name), value) if isinstance(value, dict) else value
    return result


def without(settings: dict[str, Any], names: Iterable[str]) -> dict[str, Any]:
    """Return settings without some names."""
    return {name: value for name, value in settings.items() if name not in set(names)}


def validated(kind: type[ConfigT], settings: dict[str, Any]) -> ConfigT:
    """Check settings against their type.

    Raises:
        ConfigError: a sentence per wrong setting.
    """
    try:
        return kind.model_validate(settings)
    except ValidationError as error:
        raise ConfigError("Wrong settings. " + " ".join(wrong_settings(kind, error, called=_typed))) from error


def _typed(place: str) -> str:
    """Return `--epochs (training.epochs)` for a setting that was given as an option, and other places as they are."""
    option = f"--{place.rpartition('.')[2].replace('_', '-')}"
    return f"{option} ({place})" if any(word.partition("=")[0] == option for word in sys.argv) else place
