"""The cards of models: what an experiment knows about what it made."""

from pathlib import Path
from typing import Any

from medical_transformer import __version__
from medical_transformer.backbones import BACKBONES, find_backbone
from medical_transformer.backbones.origins import called, known_of
from medical_transformer.contracts import Backbone
from medical_transformer.evaluation import EvaluationResult
from medical_transformer.experiments.config import BackboneConfig, FinetuneConfig, PretrainConfig
from medical_transformer.experiments.half_precision import Difference
from medical_transformer.experiments.inherited import origins
from medical_transformer.experiments.pretext_tasks import METHODS
from medical_transformer.experiments.seen import subject_count
from medical_transformer.preprocessing import PipelineConfig
from medical_transformer.reporting import ModelCard, card_scores, write_model_card
from medical_transformer.reporting.card import CITATION
from medical_transformer.reporting.words import sample_words
from medical_transformer.tasks import SavedModel, Segmentation, TaskModel

OURS = "medical-transformer"  # both the network and the pre-training of the paper
LIMITS = (
    "Scans of another sequence, field strength or population than those it was trained on.",
    "Scans whose preparation was warned of or refused.",
    "Any clinical use: it has not been validated for one.",
)


def write_encoder_card(saved: SavedModel, config: PretrainConfig, folder: Path) -> None:
    """Write the card of a pre-trained encoder."""
    method = METHODS[config.method.name]
    start = f"It started from {_start(config.backbone, saved)}"
    card = ModelCard(
        name=f"Encoder pre-trained on {saved.about['cohort']}",
        what_it_is=" ".join(filter(None, (method.teaches, start, method.note))),
        tested_on=_chosen_on(saved),
        intended_use=("Starting point for fine-tuning on brain MRI of the same preparation.",),
        fails_where=LIMITS,
        **_shared(saved),
    )
    write_model_card(folder / "README.md", card)


def write_finetuned_card(saved: SavedModel, config: FinetuneConfig, folder: Path) -> None:
    """Write the card of a fine-tuned model."""
    card = ModelCard(
        name=f"{config.task.label} from {', '.join(saved.modalities)}",
        what_it_is=f"A {config.task.kind} model of {config.task.label}, trained from {_start_of(config, saved)}",
        tested_on=f"{_chosen_on(saved)} `medtrans evaluate` cross-validates the same training.",
        fails_where=LIMITS,
        **_shared(saved),
    )
    write_model_card(folder / "README.md", card)


def _start_of(config: FinetuneConfig, saved: SavedModel) -> str:
    """Say from what a fine-tuning started."""
    if config.encoder is not None:
        return f"the encoder {Path(config.encoder).name!r}."
    return _start(config.backbone, saved)


def _start(backbone: BackboneConfig, saved: SavedModel) -> str:
    """Say from what weights a training started; of published ones, also what they were taught on."""
    if backbone.weights is None:
        return "random weights."
    taught_on = known_of(backbone.weights, BACKBONES[backbone.name].meets(_backbone(saved).intensities))
    return f"{called(backbone.weights)}: {taught_on}"


def _terms(saved: SavedModel) -> dict[str, str]:
    """Return the terms of all weights of others that a model goes back to."""
    return {
        f"The weights {one.file!r} that it goes back to, sha256 {one.sha256}": one.terms for one in origins(saved.about)
    }


def write_published_card(
    saved: SavedModel, result: EvaluationResult | None, difference: Difference | None, folder: Path
) -> None:
    """Write the card of a model that is published: its scores are those of a cross-validation of the same training."""
    published = saved.about["published"]
    card = ModelCard(
        name=folder.resolve().name,
        what_it_is=_what_it_is(saved, difference),
        scores=() if result is None else card_scores(result),
        tested_on=_chosen_on(saved) if result is None else _tested_on(result),
        fails_where=LIMITS,
        licence=published["licence"],
        **_shared(saved, data=published["data"]),
    )
    write_model_card(folder / "README.md", card)


def _what_it_is(saved: SavedModel, difference: Difference | None) -> str:
    sees = f"It sees {', '.join(saved.modalities)} as {' x '.join(map(str, saved.field_of_view))} voxels."
    if isinstance(saved.network, TaskModel) and saved.network.reads_icv:
        sees += " It is told the intracranial volume, as the registration measures it."
    if isinstance(saved.network, TaskModel):
        task = saved.network.task
        of = ", ".join(task.regions) if isinstance(task, Segmentation) else task.label
        what = f"A {task.kind} model of {of}."
    else:
        what = (
            f"An encoder, pre-trained without labels by {saved.about.get('method', 'a method that is not recorded')}."
        )
    halved = "" if difference is None else (
        f"Its weights are stored in half precision, which changes the answer on the template's brain by {difference}."
    )  # fmt: skip
    return " ".join(filter(None, (what, sees, halved)))


def _chosen_on(saved: SavedModel) -> str:
    """Say what was reached on the subjects that chose the epoch; nothing where that was not recorded."""
    best, chance = saved.about.get("best", {}), saved.about.get("chance", {})
    if not best:
        return ""
    if not isinstance(saved.network, TaskModel):
        stages = (f"{stage}: {_numbers(best[stage])} (by chance: {_numbers(chance[stage])})" for stage in best)
        return f"On held-out subjects of the same cohort, at the chosen epoch. {'; '.join(stages)}."
    return f"Not tested: the epoch was chosen on held-out subjects ({_numbers(best)}), so these numbers are optimistic."


def _tested_on(result: EvaluationResult) -> str:
    return (
        f"Cross-validated on {sample_words(result).removeprefix('on ')} by subject. The scores are those of the models "
        "of the folds, which never saw the subjects they were tested on; this model was trained in the same way."
    )


def _shared(saved: SavedModel, *, data: str = "") -> dict[str, Any]:
    about = saved.about
    return {
        "data_licences": {**({about["cohort"]: data} if data else {}), **_terms(saved)},
        "trained_on": (f"{about['cohort']}: {about['scans']} scans of {subject_count(about)} subjects.",),
        "preparation": {**_steps(saved.preparation), **_in_the_network(saved)},
        "fingerprint": saved.preparation.fingerprint(),
        "parameters": sum(parameter.numel() for parameter in saved.network.parameters()),
        "made_by": {"medical-transformer": __version__, "backbone": str(saved.backbone["name"])},
        **_cited(saved),
    }


def _cited(saved: SavedModel) -> dict[str, Any]:
    """Return where the network and what pre-trained it are described; the paper where it is one of them."""
    name, method = str(saved.backbone["name"]), METHODS.get(saved.about.get("method", ""))
    entry = find_backbone(name)
    sources = [f"Network: {entry.title}, {entry.source}"]
    if method is not None:
        sources.append(f"Pre-training: {method.publication}, {method.source}")
    return {"sources": sources, "citation": CITATION if OURS in {name, saved.about.get("method")} else ""}


def _steps(preparation: PipelineConfig) -> dict[str, str]:
    """Return the settings that this preparation uses: a box only where there is no template."""
    unused = {"crop_shape"} if preparation.space == "mni" else set()
    return {name: str(value) for name, value in preparation.model_dump(mode="json", exclude=unused).items()}


def _in_the_network(saved: SavedModel) -> dict[str, str]:
    """Return what the network itself does to a prepared scan, where it does something."""
    intensities = _backbone(saved).intensities
    return {} if intensities == "prepared" else {"intensities in the network": intensities}


def _backbone(saved: SavedModel) -> Backbone:
    return saved.network.backbone if isinstance(saved.network, TaskModel) else saved.network


def _numbers(values: dict[str, float]) -> str:
    return ", ".join(f"{name} {value:.4g}" for name, value in values.items())
