"""A result on disk: a table for people, the scores for programs, and a file from which it is read again."""

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from medical_transformer.cohorts.tables import write_json, write_table
from medical_transformer.errors import ResultError
from medical_transformer.evaluation.predictions import FoldResult, SubjectPrediction
from medical_transformer.training import EpochRecord

if TYPE_CHECKING:
    from medical_transformer.evaluation.results import EvaluationResult

FORMAT = 1


def save(result: "EvaluationResult", folder: Path) -> None:
    """Write `predictions.tsv`, `metrics.json` and, last, `result.json`; NaN is written as null."""
    columns, rows = _table(result)
    write_table(folder / "predictions.tsv", columns, rows)
    write_json(folder / "metrics.json", _metrics(result))
    write_json(folder / "result.json", {"format": FORMAT, **_plain(result)})


def read_fields(folder: Path) -> dict[str, Any]:
    """Read the fields of a result from `result.json`.

    Raises:
        ResultError: naming the file, if it is missing or damaged.
    """
    path = folder / "result.json"
    if not path.is_file():
        raise ResultError(f"{folder} holds no result (result.json); make one with `medtrans evaluate`.")
    try:
        read = json.loads(path.read_text(encoding="utf-8"))
        if read.pop("format") != FORMAT:
            raise ValueError("it was written by another version of this package")
        read["classes"] = tuple(read["classes"])
        read["predictions"] = tuple(_prediction(one) for one in read["predictions"])
        read["folds"] = tuple(_fold(one) for one in read["folds"])
    except (KeyError, TypeError, ValueError) as error:
        raise ResultError(f"{path} cannot be read as a result: {error}.") from error
    return dict(read)


def _metrics(result: "EvaluationResult") -> dict[str, Any]:
    return {
        "task": result.task,
        "label": result.label,
        "unit": result.unit,
        "primary_metric": result.primary_metric,
        "subjects": len(result.subjects),
        "scans": len(result.predictions),
        "folds": len(result.folds),
        "metrics": _plain(result.summary()),
    }


def _table(result: "EvaluationResult") -> tuple[list[str], Iterable[list[Any]]]:
    names = dict.fromkeys(name for one in result.predictions for name in one.metrics)
    classes = [name for name in result.classes if any(one.probabilities for one in result.predictions)]
    columns = ["scan", "subject", "fold", "truth", "prediction"]
    columns += [f"probability_{name}" for name in classes] + list(names)
    return columns, (
        [one.scan, one.subject, one.fold, "" if one.truth is None else one.truth, one.prediction]
        + [one.probabilities.get(name, "") for name in classes]
        + [one.metrics.get(name, "") for name in names]
        for one in result.predictions
    )


def _prediction(read: dict[str, Any]) -> SubjectPrediction:
    return SubjectPrediction(**read | {"metrics": _with_nan(read["metrics"])})


def _fold(read: dict[str, Any]) -> FoldResult:
    history = tuple(_epoch(one) for one in read["history"])
    validation = tuple(_prediction(one) for one in read.get("validation", ()))
    return FoldResult(**read | {"metrics": _with_nan(read["metrics"]), "history": history, "validation": validation})


def _epoch(read: dict[str, Any]) -> EpochRecord:
    return EpochRecord(**read | {"metrics": _with_nan(read["metrics"])})


def _with_nan(values: dict[str, float | None]) -> dict[str, float]:
    return {name: math.nan if value is None else value for name, value in values.items()}


def _plain(value: Any) -> Any:
    """Return dataclasses, mappings and sequences as JSON has them, with null for what is not a number."""
    if is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(one) for one in value]
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value
