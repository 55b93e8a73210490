"""What a reader must know to judge and to repeat an evaluation."""

import json
import platform
import subprocess
from pathlib import Path

import torch

from medical_transformer import __version__
from medical_transformer.backbones.origins import called
from medical_transformer.cohorts import Cohort
from medical_transformer.cohorts.indexed import counted
from medical_transformer.experiments.config import EvaluateConfig
from medical_transformer.experiments.seen import knows_names, seen_subjects
from medical_transformer.tasks import TaskModel, find_model, load_model


def describe(config: EvaluateConfig, labelled: Cohort) -> dict[str, str]:
    """Return facts about an evaluation, each under a name."""
    training = config.finetune.training
    facts = {
        "cohort": f"{labelled.name}: {counted(labelled, 'scan')} of {counted(labelled.subjects, 'subject')}",
        "split": (
            f"{config.folds} folds by subject: fold i tests, fold i+1 chooses the epoch, the others train "
            f"(seed {config.fold_seed}). Nothing was tuned on test subjects."
        ),
        "training": json.dumps(training.model_dump(mode="json")),
        "start": _start(config, labelled),
        "grid": f"prepared volumes pooled by {config.finetune.input.pool}",
        "seed": str(training.seed),
    }
    return facts | software()


def software() -> dict[str, str]:
    """Return versions, and the commit where the package runs from a checkout."""
    facts = {
        "version": f"medical-transformer {__version__}, torch {torch.__version__}, Python {platform.python_version()}",
    }
    commit = _commit()
    return facts | ({"commit": commit} if commit else {})


def _start(config: EvaluateConfig, labelled: Cohort) -> str:
    published = config.finetune.backbone.weights
    if config.finetune.encoder is None:
        return "random weights" if published is None else called(published)
    saved = load_model(find_model(config.finetune.encoder))
    shared = len(seen_subjects(saved, labelled))
    scans, warning = "unlabelled pre-training scans", ""
    if isinstance(saved.network, TaskModel):
        scans = f"labelled training scans ({saved.network.task.label})"
        warning = ", so these scores are optimistic" if shared else ""
    told = f"{shared} of the tested subjects were" if shared else "none of the tested subjects was"
    by = "" if knows_names(saved) else ", as far as the bytes of the prepared scans tell"
    return f"the pre-trained encoder {config.finetune.encoder}; {told} among its {scans}{by}{warning}"


def _commit() -> str:
    """Return the commit of a checkout that the package runs from, or nothing."""
    here = Path(__file__)
    tracked = _git(here, "ls-files", "--error-unmatch", here.name)  # not so for a package in somebody else's checkout
    return _git(here, "rev-parse", "--short=12", "HEAD") if tracked else ""


def _git(file: Path, *words: str) -> str:
    """Ask git about the folder of a file; nothing where it does not know."""
    command = ["git", "-C", str(file.parent), *words]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=5, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
