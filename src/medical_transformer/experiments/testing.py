"""Testing a trained model on prepared scans it has never seen."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from medical_transformer.cohorts import Scan
from medical_transformer.cohorts.folds import Fold
from medical_transformer.evaluation import (
    TOLERANCE_MM,
    SubjectPrediction,
    region_dice,
    region_hausdorff95_mm,
    region_surface_dice,
)
from medical_transformer.experiments.config import FinetuneConfig
from medical_transformer.experiments.data import Data, LabelledSource
from medical_transformer.experiments.fold_results import Tested
from medical_transformer.tasks import Answer, Segmentation, TaskModel
from medical_transformer.training.devices import build_fabric
from medical_transformer.volumes import Volume, write_volume
from medical_transformer.volumes.writing import MNI_SPACE, SCANNER_SPACE


def ask_model(
    model: TaskModel,
    data: Data,
    parts: tuple[Sequence[int], Sequence[int]],
    config: FinetuneConfig,
    *,
    numbered: tuple[int, Fold],
    out: Path,
) -> Tested:
    """Ask a fold's model about its validation and its test scans.

    Args:
        model: trained on the fold.
        data: the prepared cohort.
        parts: places of the validation and of the test scans; only the latter are asked for label maps.
        config: task and device.
        numbered: the fold's number and the fold.
        out: predicted label maps go to `out/segmentations`.
    """
    number, fold = numbered
    validation, test = parts
    return Tested(
        number=number,
        fold=fold,
        predictions=predict_scans(model, data, test, config, fold=number, out=out),
        validation=()
        if config.task.needs_maps
        else predict_scans(model, data, validation, config, fold=number, out=out),
        parameters=sum(parameter.numel() for parameter in model.parameters()),
    )


@torch.inference_mode()
def predict_scans(
    model: TaskModel, data: Data, places: Sequence[int], config: FinetuneConfig, *, fold: int, out: Path
) -> list[SubjectPrediction]:
    """Predict scans one by one; predicted label maps are written to `out/segmentations`."""
    fabric = build_fabric(config.training)
    model = model.to(fabric.device).eval()
    source = LabelledSource(data, config.task, augment=False)
    predictions = []
    for place in places:
        with fabric.autocast():
            volumes, log_icv = source.volumes([place]).to(fabric.device), source.log_icv_of([place])
            outputs = model(volumes, log_icv).float().cpu()
        scan = data.cohort.scans[place]
        if isinstance(config.task, Segmentation):
            labels = config.task.decode(outputs.argmax(dim=1))[0].numpy()
            predictions.append(segmentation_prediction(config.task, data, place, labels, fold=fold, out=out))
        else:
            predictions.append(_answered(scan, config.task.answers(outputs)[0], config, fold))
    return predictions


def _answered(scan: Scan, answer: Answer, config: FinetuneConfig, fold: int) -> SubjectPrediction:
    return SubjectPrediction(
        scan=scan.name,
        subject=scan.subject,
        fold=fold,
        truth=config.task.truth(scan),
        prediction=answer.value,
        probabilities=answer.probabilities,
    )


def segmentation_prediction(
    task: Segmentation, data: Data, place: int, labels: Any, *, fold: int, out: Path
) -> SubjectPrediction:
    """Write a predicted label map below `out/segmentations`, and return its path and its scores against the truth."""
    scan, grid = data.cohort.scans[place], data.store.grids[place]
    predicted = labels.astype("int16")
    path = Path("segmentations") / f"{scan.name}_dseg.nii.gz"
    write_volume(Volume(predicted, grid), out / path, space_code=MNI_SPACE if data.in_template else SCANNER_SPACE)
    truth = task.joined(data.store.segmentations([place])[0])
    return SubjectPrediction(
        scan=scan.name,
        subject=scan.subject,
        fold=fold,
        truth=None,
        prediction=path.as_posix(),
        metrics=_overlap(task, truth, predicted, grid.spacing_mm),
    )


def _overlap(
    task: Segmentation, truth: Any, predicted: Any, spacing_mm: tuple[float, float, float]
) -> dict[str, float]:
    """Return each region's Dice, 95 % Hausdorff distance and surface Dice."""
    scores = {
        "dice": region_dice(truth, predicted, task.regions),
        "hausdorff95_mm": region_hausdorff95_mm(truth, predicted, spacing_mm, task.regions),
        "surface_dice": region_surface_dice(truth, predicted, spacing_mm, TOLERANCE_MM, task.regions),
    }
    return {f"{score}_{region}": value for score, found in scores.items() for region, value in found.items()}
