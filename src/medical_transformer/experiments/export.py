"""`medtrans export`: from a finished model to a folder that can be published."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from medical_transformer.errors import ConfigError
from medical_transformer.evaluation import EvaluationResult
from medical_transformer.experiments.cards import write_published_card
from medical_transformer.experiments.decoders import copy_decoder
from medical_transformer.experiments.half_precision import Difference, halving_changes
from medical_transformer.experiments.seen import subject_count, subject_hash
from medical_transformer.reporting.words import score_sentence, words_of
from medical_transformer.tasks import SELECTION, SavedModel, TaskModel, find_model, load_model, save_model
from medical_transformer.volumes.whole_files import check_writable

# What a published model keeps of what it knows about its training; everything else stays behind, so that nothing
# that is added one day is published by oversight.
KEPT = (
    "method", "cohort", "scans", "subject_count", "subject_hashes", "contents", "label_range", "weights", "best",
    "chance",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Exported:
    """A model that can be published.

    Attributes:
        folder: where it lies.
        difference: what half precision changes on the template's brain; None where the weights stayed as they were.
        bytes: size of the weights.
    """

    folder: Path
    difference: Difference | None
    bytes: int


def export(
    model: str | Path,
    out: Path,
    *,
    tested: Path | None = None,
    licence: str = "",
    data: str = "",
    subject_hashes: bool = False,
    half: bool = True,
) -> Exported:
    """Write a model without names and paths, its weights in half precision, with a card.

    Args:
        model: a model folder, as `finetune`, `pretrain` or a fold of `evaluate` leaves it.
        out: the new folder; its name is the model's.
        tested: result folder of an `evaluate` of the same training, from which the card takes the scores.
        licence: of the weights, an SPDX name.
        data: what it was trained on, from where and under which licence, in a sentence.
        subject_hashes: whether a hash of every subject's name goes along, by which tested subjects are recognised
            however they were prepared. For cohorts whose names are public: a guessed name can be checked.
        half: whether matrices and kernels are stored in half precision.

    Raises:
        WeightsError: if there is no such model, or half precision changes its answers.
        ConfigError: if `out` holds a model or cannot be written to, or the result is of another task or network.
    """
    check_writable(out)
    folder = find_model(model)
    if (out / "config.json").exists():
        raise ConfigError(f"{out} holds a model already; choose another folder.")
    saved = load_model(folder)
    result = None if tested is None else _result(tested, saved)
    difference = halving_changes(saved) if half else None
    score = _best(saved) if result is None else score_sentence(result, next(iter(result.summary().values())))
    published = {"score": score, "licence": licence, "data": data}
    about = {**_public(saved, subject_hashes=subject_hashes), "published": published}
    public = replace(saved, about=about)
    copy_decoder(folder, out)
    save_model(public, out, half=half)
    write_published_card(public, result, difference, out)
    weights = out / "model.safetensors"
    weights.chmod(0o644)  # they are written for the owner alone, and shall be read by whoever gets the folder
    return Exported(out, difference, weights.stat().st_size)


def _best(saved: SavedModel) -> str:
    """Return the number that chose the epoch of a model that answers; nothing where it is not known."""
    if not isinstance(saved.network, TaskModel):
        return ""
    name, _ = SELECTION[saved.network.task.kind]
    value = saved.about.get("best", {}).get(name)
    return (
        "" if value is None else f"{words_of(name).long} {value:.3g} on the subjects that chose the epoch, optimistic"
    )


def _public(saved: SavedModel, *, subject_hashes: bool) -> dict[str, Any]:
    """Return what may be known of the training: no names, but what finds a tested subject among those learnt from."""
    about = {**saved.about, "subject_count": subject_count(saved.about)}
    if subject_hashes:
        if "subjects" not in about:
            raise ConfigError("This model does not name its subjects any more, so their names cannot be hashed.")
        about["subject_hashes"] = sorted(subject_hash(about["cohort"], one) for one in about["subjects"])
    return {word: about[word] for word in KEPT if word in about}


def _result(tested: Path, saved: SavedModel) -> EvaluationResult:
    """Read a result, given by its folder or by a file in it.

    Raises:
        ConfigError: if it cannot be that of this model's training.
    """
    result = EvaluationResult.load(tested if tested.is_dir() else tested.parent)
    if not isinstance(saved.network, TaskModel):
        raise ConfigError("--tested is of models that answer; this is a pre-trained encoder.")
    task = saved.network.task
    if (result.task, result.label) != (task.kind, task.label):
        raise ConfigError(f"{tested} tests {result.label} ({result.task}); the model is of {task.label} ({task.kind}).")
    weights = sum(parameter.numel() for parameter in saved.network.parameters())
    if result.parameters not in {0, weights}:
        raise ConfigError(f"{tested} tests a network of {result.parameters:,} weights; this one has {weights:,}.")
    return result
