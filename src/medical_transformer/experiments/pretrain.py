"""`medtrans pretrain`: the paper's two stages or a pretext task on a prepared cohort."""

import math
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from medical_transformer.backbones import BACKBONES
from medical_transformer.cohorts import Cohort
from medical_transformer.cohorts.indexed import counted
from medical_transformer.contracts import Backbone
from medical_transformer.experiments.cards import write_encoder_card
from medical_transformer.experiments.config import PretrainConfig, keep_config
from medical_transformer.experiments.data import UnlabelledSource, hold_out, open_data
from medical_transformer.experiments.decoders import keep_decoder
from medical_transformer.experiments.inherited import weights_of_others
from medical_transformer.experiments.pretext_tasks import METHODS, build_pretext, refuse_lone_scans, refuse_unteachable
from medical_transformer.experiments.resuming import keep_origin
from medical_transformer.experiments.stages import FEWEST_TO_COMPARE, Run, Stage
from medical_transformer.experiments.training_run import new_backbone
from medical_transformer.experiments.two_stages import teach_in_two_stages
from medical_transformer.pretraining import SliceTissuesSettings, TwoStages
from medical_transformer.reporting import TaughtStage, write_pretraining_report
from medical_transformer.tasks import SavedModel, save_model
from medical_transformer.training.compilation import compile_where_it_pays
from medical_transformer.training.devices import choose_device
from medical_transformer.training.fit import Split
from medical_transformer.volumes.claims import one_shared_run


@dataclass(frozen=True, slots=True)
class Pretrained:
    """A pre-trained encoder.

    Attributes:
        folder: the encoder's folder, for `finetune --encoder`.
        stages: how each stage went; a pretext task has one.
    """

    folder: Path
    stages: tuple[Stage, ...]


@one_shared_run
def pretrain(
    prepared: Path, out: Path, config: PretrainConfig | None = None, *, subjects: frozenset[str] | None = None
) -> Pretrained:
    """Pre-train an encoder without labels.

    Args:
        prepared: what `prepare` wrote.
        out: the run's folder; an unfinished run in it is taken up again.
        config: everything that decides the result.
        subjects: whose scans are learnt from; everybody's where none are named.

    Raises:
        ConfigError: if method, backbone and settings do not go together.
    """
    config = config or PretrainConfig()
    refuse_unteachable(config.method.name, config.backbone.name)
    first = next(iter(config.stages.values()))  # decides initial weights and who is held out
    refuse_lone_scans(config.method, first)
    data = open_data(prepared, config.input)
    backbone = new_backbone(config.backbone, config.input, first.seed)
    _announce(config, backbone)
    cohort = data.cohort if subjects is None else data.cohort.where(lambda scan: scan.subject in subjects)
    training, validation = hold_out(cohort, config.validation, seed=first.seed, fewest=FEWEST_TO_COMPARE)
    keep_config(config, out)
    keep_origin("pretrain", prepared, out, subjects=subjects)
    run = Run(data, Split(data.places(training), data.places(validation)), config, out)
    stages = _teach(backbone, run)
    saved = _saved(backbone, run, cohort, stages)
    save_model(saved, out / "encoder")
    write_encoder_card(saved, config, out / "encoder")
    _report(saved, run, stages, out / "report.html")
    return Pretrained(out / "encoder", stages)


def _announce(config: PretrainConfig, backbone: Backbone) -> None:
    """Say which network is taught by what: one that is not named is the Medical Transformer."""
    size = sum(parameter.numel() for parameter in backbone.parameters()) / 1e6
    text = f"{METHODS[config.method.name].title} teaches backbone {config.backbone.name}, {size:.3f} M weights."
    Console(stderr=True).print(text, markup=False, highlight=False, soft_wrap=True)


def _teach(backbone: Backbone, run: Run) -> tuple[Stage, ...]:
    config = run.config
    if isinstance(config.method, TwoStages | SliceTissuesSettings):
        return teach_in_two_stages(backbone, run)
    voxels = config.training.epochs * len(run.split.training) * math.prod(run.data.store.spatial_shape)
    compile_where_it_pays(backbone, config.training, voxels)
    objective = build_pretext(config.method, backbone, run.folder, config.training.seed)
    title = METHODS[config.method.name].title
    source = UnlabelledSource(run.data).keep_on(choose_device(config.training.device))
    stage = run.stage(1, title, objective, source, config.training)
    keep_decoder(objective, run.folder / "encoder")
    return (stage,)


def _saved(backbone: Backbone, run: Run, cohort: Cohort, stages: tuple[Stage, ...]) -> SavedModel:
    config = run.config
    about = {
        "method": config.method.name,
        "cohort": cohort.name,
        "scans": len(cohort),
        "subjects": list(cohort.subjects),
        "contents": sorted(scan.content_hash for scan in cohort.scans),
        "best": {f"stage {number}": stage.best for number, stage in enumerate(stages, start=1)},
        "weights": weights_of_others(config.backbone),
        "chance": {f"stage {number}": dict(stage.chance) for number, stage in enumerate(stages, start=1)},
    }
    given = {**config.backbone.settings, "in_channels": len(config.input.modalities)}
    settings = BACKBONES[config.backbone.name].config.model_validate(given).model_dump(mode="json")
    return SavedModel(
        backbone.eval(),
        {"name": config.backbone.name, "settings": settings},
        run.data.preparation,
        config.input.pool,
        config.input.modalities,
        about,
        run.data.cohort.modalities,
    )


def _report(saved: SavedModel, run: Run, stages: tuple[Stage, ...], path: Path) -> None:
    method = METHODS[run.config.method.name]
    facts = {
        "Cohort": f"{saved.about['cohort']}: {saved.about['scans']} scans of {len(saved.about['subjects'])} subjects",
        "Learnt from": _who(run.split.training, run),
        "Held out to choose the epoch": _who(run.split.validation, run),
        "Backbone": str(saved.backbone["name"]),
        "Field of view": "x".join(map(str, run.data.store.spatial_shape)) + " voxels",
        "Source": method.source,
    }
    taught = [
        TaughtStage(f"Stage {number}: {one.title}", one.fitted.journal.records, one.fitted.best.epoch, one.chance)
        for number, one in enumerate(stages, start=1)
    ]
    write_pretraining_report(path, f"Pre-training: {method.title}", method.teaches, taught, facts, notes=method.note)


def _who(places: tuple[int, ...], run: Run) -> str:
    subjects = {run.data.cohort.scans[place].subject for place in places}
    return f"{counted(places, 'scan')} of {counted(subjects, 'subject')}"
