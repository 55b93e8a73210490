"""The folder of a prepared cohort: by which pipeline it was begun, is a mixture, or is done.

`begun.json` stands there while a preparation runs, and stays where it was interrupted; `pipeline.json` is written when
all is done.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from medical_transformer.cohorts import Cohort
from medical_transformer.cohorts.tables import write_json
from medical_transformer.errors import CohortError, PreparationError
from medical_transformer.preprocessing.config import PipelineConfig, differing_settings
from medical_transformer.preprocessing.derivatives import versions

BEGUN, DONE = "begun.json", "pipeline.json"
# What speaks of the folder as a whole; while two pipelines are mixed in it, none of that is true.
OF_THE_WHOLE = (DONE, "cohort.tsv", "cohort.json", "ledger.tsv", "quality.html")


def begin(out: Path, config: PipelineConfig, *, replace: bool) -> None:
    """Write down by which pipeline a folder is prepared; where it was another, take away what lets it be read.

    Raises:
        PreparationError: naming the settings that differ, if the folder may not be prepared again.
    """
    path = next((out / name for name in (BEGUN, DONE) if (out / name).is_file()), None)
    if path is not None:
        found = _read(path)
        if found["fingerprint"] != config.fingerprint():
            if not replace and found["config"]:
                raise PreparationError(_refusal(out, found["config"], config, finished=path.name == DONE))
            for name in OF_THE_WHOLE:
                (out / name).unlink(missing_ok=True)
    write_json(out / BEGUN, _described(config))


def finish(out: Path, config: PipelineConfig) -> None:
    """Write down by which pipeline a folder was prepared to the end."""
    write_json(out / DONE, {**_described(config), "versions": versions()})
    (out / BEGUN).unlink(missing_ok=True)


def load_prepared(folder: Path) -> Cohort:
    """Read the cohort that `prepare` wrote.

    Raises:
        CohortError: if the folder holds none, or its preparation is not finished.
    """
    if all((folder / name).is_file() for name in (DONE, "cohort.tsv", "cohort.json")):
        return Cohort.load(folder)
    if (folder / BEGUN).is_file():
        raise CohortError(f"{folder}: its preparation is not finished; run `medtrans prepare` into it again.")
    raise CohortError(f"{folder} holds no prepared scans ({DONE}); make them with `medtrans prepare`.")


def _described(config: PipelineConfig) -> dict[str, Any]:
    return {"fingerprint": config.fingerprint(), "config": config.model_dump(mode="json")}


def _read(path: Path) -> dict[str, Any]:
    """Return fingerprint and settings; both empty where the file is damaged, for the sidecars still know."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return {"fingerprint": found["fingerprint"], "config": dict(found["config"])}
    except (ValueError, KeyError, TypeError):
        return {"fingerprint": "", "config": {}}


def _refusal(out: Path, before: Mapping[str, Any], config: PipelineConfig, *, finished: bool) -> str:
    changes = differing_settings(before, config.model_dump(mode="json"))
    what, way_out = ("prepared", "Choose") if finished else ("begun", "Go on with its settings, choose")
    return (
        f"{out} was {what} otherwise: {changes or 'by a version of this package that computes something else'}. "
        f"{way_out} another folder, or prepare these scans again with --replace."
    )
