"""Taking up a run again from its folder alone."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from medical_transformer.cohorts.tables import write_json
from medical_transformer.errors import ConfigError
from medical_transformer.experiments.config import EvaluateConfig, FinetuneConfig, PretrainConfig

ConfigT = TypeVar("ConfigT", bound=BaseModel)
ORIGIN = "run.json"


def keep_origin(verb: str, prepared: Path, out: Path, *, subjects: Iterable[str] | None = None) -> None:
    """Write into a run's folder what it was started with, beside its settings."""
    named = None if subjects is None else sorted(subjects)
    write_json(out / ORIGIN, {"verb": verb, "prepared": str(prepared.resolve()), "subjects": named})


def resume(folder: Path, verb: str) -> None:
    """Go on with an unfinished run of a verb; a finished one is left as it is.

    Raises:
        ConfigError: if the folder holds no run, or one of another verb, or its scans are gone.
    """
    from medical_transformer.experiments.evaluate import evaluate  # noqa: PLC0415 - they keep their origin above
    from medical_transformer.experiments.finetune import finetune  # noqa: PLC0415
    from medical_transformer.experiments.pretrain import pretrain  # noqa: PLC0415

    origin = _read_origin(folder, verb)
    prepared, subjects = Path(origin["prepared"]), origin["subjects"]
    if verb == "pretrain":
        who = None if subjects is None else frozenset(subjects)
        pretrain(prepared, folder, _read_config(folder, PretrainConfig), subjects=who)
    elif verb == "finetune":
        finetune(prepared, folder, _read_config(folder, FinetuneConfig))
    else:
        evaluate(prepared, folder, _read_config(folder, EvaluateConfig))


def _read_origin(folder: Path, verb: str) -> dict[str, Any]:
    path = folder / ORIGIN
    if not path.is_file():
        raise ConfigError(f"{folder} holds no run that could be resumed: it has no {ORIGIN}.")
    try:
        origin = dict(json.loads(path.read_text(encoding="utf-8")))
        _ = origin["verb"], origin["prepared"], origin["subjects"]
    except (ValueError, TypeError, KeyError) as error:
        raise ConfigError(f"{path}: damaged; repeat the command that started the run.") from error
    if origin["verb"] != verb:
        raise ConfigError(f"{folder} holds a run of `{origin['verb']}`: medtrans {origin['verb']} --resume {folder}")
    if not Path(origin["prepared"]).is_dir():
        raise ConfigError(
            f"{path}: the prepared cohort {origin['prepared']} is not there any more. If it was moved, repeat the "
            "command that started the run, with the new place."
        )
    return origin


def _read_config(folder: Path, kind: type[ConfigT]) -> ConfigT:
    path = folder / "config.json"
    try:
        return kind.model_validate_json(path.read_text(encoding="utf-8"))
    except (OSError, ValidationError) as error:
        raise ConfigError(f"{path}: not the settings of this run ({error}).") from error
