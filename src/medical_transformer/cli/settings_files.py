"""From a settings file, and options that win over it, to a typed value; a wrong setting names the nearest right one."""

import sys
from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, TypeVar, get_args

import yaml
from pydantic import BaseModel, Field, TypeAdapter, ValidationError

from medical_transformer.errors import ConfigError, sentence_of

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
        raise ConfigError(f"{path}: expected settings by name, but found {_shown(settings)}.")
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
        raise ConfigError(f"Settings file, {name}: expected settings by name, but found {_shown(found)}.")
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
        sentences = (_sentence(kind, detail) for detail in error.errors())
        raise ConfigError("Wrong settings. " + " ".join(sentences)) from error


def _sentence(kind: type[BaseModel], detail: Any) -> str:
    place = _typed(".".join(map(str, detail["loc"])))
    if detail["type"] == "extra_forbidden":
        return f"{place}: there is no such setting{_nearest(kind, detail['loc'])}."
    if detail["type"] in {"model_type", "model_attributes_type", "dict_type", "mapping_type"}:
        return f"{place}: expected settings by name, but found {_shown(detail['input'])}."
    if detail["type"] == "union_tag_invalid":
        return f"{place}: there is no {detail['ctx']['tag']!r}; there are {detail['ctx']['expected_tags']}."
    said = str(detail["msg"]).removeprefix("Value error, ")
    return f"{place}: {said[:1].lower()}{said[1:]}; found {_shown(detail['input'])}."


def _typed(place: str) -> str:
    """Return `--epochs (training.epochs)` for a setting that was given as an option, and other places as they are."""
    option = f"--{place.rpartition('.')[2].replace('_', '-')}"
    return f"{option} ({place})" if any(word.partition("=")[0] == option for word in sys.argv) else place


def _nearest(kind: type[BaseModel], place: tuple[int | str, ...]) -> str:
    """Return where a setting of a similar name stands, beside the wrong one if there is one."""
    name, beside = str(place[-1]), ".".join(map(str, place[:-1]))
    places = list(dict.fromkeys(_places(kind)))
    last = {place: place.rpartition(".")[2] for place in places}
    close = get_close_matches(name, set(last.values()), n=1, cutoff=0.6)
    found = [place for place in places if close and last[place] == close[0]]
    found = [place for place in found if place.rpartition(".")[0] == beside] or found
    return f"; did you mean {' or '.join(found[:3])}?" if found else f"; there are {', '.join(kind.model_fields)}"


def _places(kind: type[BaseModel], above: str = "") -> Iterator[str]:
    for name, field in kind.model_fields.items():
        yield f"{above}{name}"
        for inner in (field.annotation, *get_args(field.annotation)):
            if isinstance(inner, type) and issubclass(inner, BaseModel):
                yield from _places(inner, f"{above}{name}.")


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
