"""Teaching slice encoders and then the transformer: the paper's two stages (section 3.3.1), or another first one."""

import math
from collections.abc import Iterator

from rich.console import Console
from torch import nn

from medical_transformer.backbones import MedicalTransformer
from medical_transformer.cohorts.indexed import counted
from medical_transformer.contracts import Backbone
from medical_transformer.errors import ConfigError
from medical_transformer.experiments.data import Data, EncodedSource, UnlabelledSource
from medical_transformer.experiments.stages import Run, Stage
from medical_transformer.pretraining import (
    Exemplar,
    MaskedEncoding,
    SliceTissues,
    SliceTissuesSettings,
    UnlabelledBatch,
    encode_scans,
)
from medical_transformer.pretraining.encodings import bytes_of_encodings
from medical_transformer.training.compilation import compile_where_it_pays
from medical_transformer.training.devices import choose_device

MASKED = "masked encoding"


def teach_in_two_stages(backbone: Backbone, run: Run) -> tuple[Stage, ...]:
    """Teach the slice encoders, then the transformer where there is one.

    Raises:
        ConfigError: for a backbone without slice encoders.
    """
    if not isinstance(backbone, MedicalTransformer):
        raise ConfigError(
            f"The two stages teach slice encoders; backbone {run.config.backbone.name!r} has none. "
            "Choose another method."
        )
    stages = [_teach_encoders(backbone, run)]
    if backbone.transformer is not None:
        stages.append(_take_transformer(backbone.transformer, run) or _teach_transformer(backbone, run))
    return tuple(stages)


def _teach_encoders(backbone: MedicalTransformer, run: Run) -> Stage:
    """Teach the slice encoders: by the exemplar network as in the paper, or by the tissues of their slices."""
    config, shape = run.config, run.data.store.spatial_shape
    title, training, objective, shown = (
        ("slice tissues", config.training, SliceTissues(backbone, shape, cells=config.method.cells), 1)
        if isinstance(config.method, SliceTissuesSettings)
        # Every scan is encoded twice, as it is and transformed.
        else ("exemplar", config.exemplar, Exemplar(backbone, margin=config.margin, inverting=config.inverting), 2)
    )
    voxels = shown * training.epochs * len(run.split.training) * math.prod(shape)
    compile_where_it_pays(backbone, training, voxels)
    source = UnlabelledSource(run.data).keep_on(choose_device(training.device))
    return run.stage(1, title, objective, source, training)


def _take_transformer(transformer: nn.Module, run: Run) -> Stage | None:
    """Take the transformer of a stage that has ended, for which no scan is encoded; None where one is left to teach."""
    ended = run.ended(2, MaskedEncoding, run.config.masked)
    if ended is None:
        return None
    of_it = "transformer."
    own = {name.removeprefix(of_it): tensor for name, tensor in ended.best.items() if name.startswith(of_it)}
    transformer.load_state_dict(own)
    return Stage(MASKED, ended.fitted, MaskedEncoding.chance)


def _teach_transformer(backbone: MedicalTransformer, run: Run) -> Stage:
    scans = len(run.data.cohort)
    size = bytes_of_encodings(backbone, run.data.store.spatial_shape, scans)
    Console(stderr=True).print(
        f"stage 2 keeps the slice vectors of {counted(run.data.cohort, 'scan')} in memory: {size / 1e6:.3g} MB",
        highlight=False,
        soft_wrap=True,
    )
    encoded = encode_scans(backbone, _all_scans(run.data, run.config.masked.batch_size), scans)
    objective = MaskedEncoding(backbone, encoded, training=run.split.training, ratio=run.config.mask_ratio)
    return run.stage(2, MASKED, objective, EncodedSource(run.data, encoded), run.config.masked)


def _all_scans(data: Data, batch_size: int) -> Iterator[UnlabelledBatch]:
    source = UnlabelledSource(data)
    for start in range(0, len(data.cohort), batch_size):
        yield source.load(list(range(start, min(start + batch_size, len(data.cohort)))), None)
