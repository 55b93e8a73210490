"""`medtrans pretrain`: the paper's two stages on a prepared cohort."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from medical_transformer.backbones import MedicalTransformer
from medical_transformer.cohorts import Cohort
from medical_transformer.errors import ConfigError
from medical_transformer.experiments.cards import write_encoder_card
from medical_transformer.experiments.config import PretrainConfig, identity, keep_config
from medical_transformer.experiments.data import Data, EncodedSource, UnlabelledSource, hold_out, open_data
from medical_transformer.experiments.progress import EpochProgress
from medical_transformer.experiments.training_run import new_backbone
from medical_transformer.pretraining import EncodedScans, Exemplar, MaskedEncoding, UnlabelledBatch, encode_scans
from medical_transformer.tasks import SavedModel, save_model
from medical_transformer.training import Fitted, fit
from medical_transformer.training.compilation import compile_where_it_pays
from medical_transformer.training.fit import Split


@dataclass(frozen=True, slots=True)
class Pretrained:
    """A pre-trained encoder.

    Attributes:
        folder: the encoder's folder, for `finetune --encoder`.
        exemplar: how stage 1 went.
        masked: how stage 2 went; None for a network without a transformer.
    """

    folder: Path
    exemplar: Fitted
    masked: Fitted | None


def pretrain(
    prepared: Path, out: Path, config: PretrainConfig | None = None, *, subjects: frozenset[str] | None = None
) -> Pretrained:
    """Pre-train an encoder without labels.

    Args:
        prepared: what `prepare` wrote.
        out: the run's folder; an unfinished run in it is taken up again.
        config: everything that decides the result.
        subjects: whose scans are learnt from; everybody's where none are named.
    """
    config = config or PretrainConfig()
    data = open_data(prepared, config.input)
    backbone = new_backbone(config.backbone, config.input, config.exemplar.seed)
    if config.exemplar.batch_size < 2:
        raise ConfigError("Stage 1 takes negative examples from the batch, so its batch size must be 2 or more.")
    if not isinstance(backbone, MedicalTransformer):
        raise ConfigError(f"The two stages teach slice encoders; backbone {config.backbone.name!r} has none.")
    keep_config(config, out)
    cohort = data.cohort if subjects is None else data.cohort.where(lambda scan: scan.subject in subjects)
    training, validation = hold_out(cohort, config.validation, seed=config.exemplar.seed)
    split = Split(data.places(training), data.places(validation))
    exemplar = _teach_encoders(backbone, data, split, config, out / "stage-1")
    masked = _teach_transformer(backbone, data, split, config, out / "stage-2")
    folder = out / "encoder"
    saved = _saved(backbone, data, cohort, config, {"stage 1": exemplar, "stage 2": masked})
    save_model(saved, folder)
    write_encoder_card(saved, folder)
    return Pretrained(folder, exemplar, masked)


def _teach_encoders(
    backbone: MedicalTransformer, data: Data, split: Split, config: PretrainConfig, folder: Path
) -> Fitted:
    # Every scan is encoded twice, as it is and transformed.
    voxels = 2 * config.exemplar.epochs * len(split.training) * math.prod(data.store.spatial_shape)
    compile_where_it_pays(backbone, config.exemplar, voxels)
    objective = Exemplar(backbone, margin=config.margin, inverting=config.inverting)
    with EpochProgress("stage 1, exemplar", config.exemplar.epochs) as progress:
        return fit(
            objective,
            UnlabelledSource(data),
            split,
            config.exemplar,
            folder=folder,
            identity=identity(config, data.cohort, "stage", 1, *_who(split)),
            on_epoch=progress,
        )


def _teach_transformer(
    backbone: MedicalTransformer, data: Data, split: Split, config: PretrainConfig, folder: Path
) -> Fitted | None:
    if backbone.transformer is None:
        return None
    encoded = encode_scans(backbone, _all_scans(data, config.masked.batch_size))
    training = EncodedScans({plane: v[list(split.training)] for plane, v in encoded.vectors.items()}, encoded.masked)
    with EpochProgress("stage 2, masked encoding", config.masked.epochs) as progress:
        return fit(
            MaskedEncoding(backbone, training, ratio=config.mask_ratio),
            EncodedSource(data, encoded),
            split,
            config.masked,
            folder=folder,
            identity=identity(config, data.cohort, "stage", 2, *_who(split)),
            on_epoch=progress,
        )


def _who(split: Split) -> tuple[str | int, ...]:
    return ("training", *split.training, "validation", *split.validation)


def _all_scans(data: Data, batch_size: int) -> Iterator[UnlabelledBatch]:
    source = UnlabelledSource(data)
    for start in range(0, len(data.cohort), batch_size):
        yield source.load(list(range(start, min(start + batch_size, len(data.cohort)))), None)


def _saved(
    backbone: MedicalTransformer, data: Data, cohort: Cohort, config: PretrainConfig, stages: dict[str, Fitted | None]
) -> SavedModel:
    about = {
        "cohort": cohort.name,
        "scans": len(cohort),
        "subjects": list(cohort.subjects),
        "contents": sorted(scan.content_hash for scan in cohort.scans),
        "best": {
            name: {"epoch": fitted.best.epoch, "loss": fitted.best.validation_loss, **fitted.best.metrics}
            for name, fitted in stages.items()
            if fitted is not None
        },
    }
    return SavedModel(
        backbone.eval(),
        {"name": config.backbone.name, "settings": backbone.config.model_dump(mode="json")},
        data.preparation,
        config.input.pool,
        config.input.modalities,
        about,
        data.cohort.modalities,
    )
