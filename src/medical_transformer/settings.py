"""What is wrong with settings, in sentences that name the setting, what was found and what is expected."""

from collections.abc import Callable, Iterator, Mapping
from difflib import get_close_matches
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError


def wrong_settings(
    kind: type[BaseModel], error: ValidationError, *, called: Callable[[str], str] = str
) -> Iterator[str]:
    """Say a sentence per wrong setting; one that does not exist names the nearest that does.

    Args:
        kind: the type of the settings.
        error: what is wrong with them.
        called: how a setting's place, such as `training.epochs`, is written.
    """
    # A list that is too short lacks several numbers, but that is one sentence.
    return iter(dict.fromkeys(_sentence(kind, detail, called) for detail in error.errors()))


def _sentence(kind: type[BaseModel], detail: Any, called: Callable[[str], str]) -> str:
    lacks = detail["type"] == "missing" and isinstance(detail["loc"][-1], int)  # a list is too short
    words, annotation = _resolved(kind, detail["loc"][:-1] if lacks else detail["loc"])
    place, expected = called(".".join(words)), _expected("too_short" if lacks else detail["type"], annotation, detail)
    if expected:
        return f"{place}: expected {expected}, but found {shown(detail['input'])}."
    if detail["type"] == "extra_forbidden":
        return f"{place}: there is no such setting{_nearest(kind, detail['loc'])}"
    if detail["type"] == "union_tag_invalid":
        return f"{place}: there is no {detail['ctx']['tag']!r}; there are {detail['ctx']['expected_tags']}."
    said = str(detail["msg"]).removeprefix("Value error, ")
    if not place:  # of several settings that do not go together, whose values the message names
        return f"{said}."
    return f"{place}: {said[:1].lower()}{said[1:]}; found {shown(detail['input'])}."


NUMBERS = {"int_type": "whole number", "float_type": "number"}
ITEMS: Mapping[Any, str] = {int: "whole numbers", float: "numbers", str: "words"}


def _expected(fault: str, annotation: Any, detail: Any) -> str:
    """Say what was expected where the shape is wrong: settings, a list, or a single number; else nothing."""
    if fault in {"model_type", "model_attributes_type", "dict_type", "mapping_type"}:
        return "settings by name"
    if fault in NUMBERS and isinstance(detail["input"], list | tuple):
        return f"one {NUMBERS[fault]}"
    lists = [get_args(one) for one in _alternatives(annotation) if get_origin(one) is tuple]
    if fault not in {"tuple_type", "too_short", "too_long"} or not lists:
        return ""
    (item, *_), any_number = _alternatives(lists[0][0]), ... in lists[0]
    few = "one or more " if fault == "too_short" else ""
    return f"a list of {few if any_number else f'{len(lists[0])} '}{ITEMS.get(item, 'values')}"


def _resolved(kind: Any, place: tuple[int | str, ...]) -> tuple[list[str], Any]:
    """Return a place in settings as a person would write it, and the type of what stands there.

    Where several kinds of settings may stand, pydantic puts the name of the chosen one into the place.
    """
    words: list[str] = []
    chosen = False
    for name in place:
        inner = [found for one in _alternatives(kind) if (found := _within(one, name)) is not None]
        if not inner and not chosen and sum(map(_is_model, _alternatives(kind))) > 1:
            chosen = True
            continue
        kind, chosen = (inner[0], False) if inner else (kind, chosen)
        words.append(str(name))
    return words, kind


def _within(kind: Any, name: int | str) -> Any:
    """Return the type of a part of what a type stands for; None where there is no such part."""
    if _is_model(kind):
        field = kind.model_fields.get(str(name))
        return None if field is None else field.annotation
    if get_origin(kind) in {tuple, Mapping}:
        return get_args(kind)[0 if get_origin(kind) is tuple else 1]
    return None


def _is_model(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)


def _alternatives(annotation: Any) -> list[Any]:
    """Return the types that a type stands for, which are several of a union, without what is annotated."""
    if get_origin(annotation) is Annotated:
        return _alternatives(get_args(annotation)[0])
    if get_origin(annotation) in {Union, UnionType}:
        return [one for part in get_args(annotation) for one in _alternatives(part)]
    return [annotation]


def _nearest(kind: type[BaseModel], place: tuple[int | str, ...]) -> str:
    """Return where a setting of a similar name stands, beside the wrong one if there is one."""
    name, beside = str(place[-1]), ".".join(map(str, place[:-1]))
    places = list(dict.fromkeys(_places(kind)))
    last = {place: place.rpartition(".")[2] for place in places}
    close = get_close_matches(name, set(last.values()), n=1, cutoff=0.6)
    found = [place for place in places if close and last[place] == close[0]]
    found = [place for place in found if place.rpartition(".")[0] == beside] or found
    return f"; did you mean {' or '.join(found[:3])}?" if found else f"; there are {', '.join(kind.model_fields)}."


def _places(kind: type[BaseModel], above: str = "") -> Iterator[str]:
    for name, field in kind.model_fields.items():
        yield f"{above}{name}"
        for inner in (field.annotation, *get_args(field.annotation)):
            if isinstance(inner, type) and issubclass(inner, BaseModel):
                yield from _places(inner, f"{above}{name}.")


def shown(value: Any) -> str:
    """Write a value as it was found, cut where it is long."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
