"""Slices of truth and prediction, side by side (Fig. 4 of the paper)."""

from pathlib import Path

from medical_transformer.evaluation import EvaluationResult
from medical_transformer.experiments.data import Data
from medical_transformer.reporting import OverlayPicture, label_styles, slices_picture
from medical_transformer.tasks import AnyTask, Segmentation
from medical_transformer.volumes import Volume, read_label_map

SHOWN = 6


def draw_overlays(data: Data, result: EvaluationResult, task: AnyTask, out: Path) -> list[OverlayPicture]:
    """Draw the worst, the middle and the best scans of a segmentation; nothing for other tasks."""
    if not isinstance(task, Segmentation):
        return []
    ranked = sorted(result.predictions, key=lambda one: one.metrics[result.primary_metric])
    chosen = dict.fromkeys(round(step * (len(ranked) - 1) / (SHOWN - 1)) for step in range(SHOWN))
    places = {scan.name: place for place, scan in enumerate(data.cohort.scans)}
    pictures = []
    for one in (ranked[index] for index in chosen):
        place = places[one.scan]
        grid = data.store.grids[place]
        predicted, _ = read_label_map(out / str(one.prediction))
        truth = Volume(task.joined(data.store.segmentations([place])[0]), grid)
        scores = ", ".join(f"{name} {value:.2f}" for name, value in one.metrics.items() if name.startswith("dice"))
        pictures.append(
            slices_picture(
                Volume(data.store.volumes([place])[0, 0], grid),
                title=one.scan,
                caption=f"{scores}.",
                maps=(("Truth", truth), ("Prediction", predicted)),
                labels=label_styles(task),
            )
        )
    return pictures
