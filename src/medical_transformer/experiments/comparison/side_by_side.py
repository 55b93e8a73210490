"""Figure 4: slices of truth and of every method, side by side."""

from pathlib import Path

from medical_transformer.evaluation import SubjectPrediction, Trials
from medical_transformer.experiments.comparison.opening import OpenTask
from medical_transformer.reporting import OverlayPicture, label_styles, methods_picture
from medical_transformer.tasks import Segmentation
from medical_transformer.volumes import Volume, read_label_map

SHOWN = 3


def draw_methods(trials: Trials, task: OpenTask, out: Path) -> list[OverlayPicture]:
    """Draw the scans on which the reference does worst, middling and best; nothing for other tasks.

    Args:
        trials: the comparison.
        task: one of its tasks.
        out: the comparison's folder, which paths of predicted label maps are relative to.
    """
    if not isinstance(task.task, Segmentation):
        return []
    answers = {
        method.title: {one.scan: one for one in done[0].result.predictions}
        for method in trials.methods
        if (done := trials.of(method.name, task.name))
    }
    leading = trials.of(trials.reference, task.name) or trials.of(trials.methods[0].name, task.name)
    if not leading:
        return []
    metric = leading[0].result.primary_metric
    ranked = sorted(leading[0].result.predictions, key=lambda one: one.metrics[metric])
    chosen = dict.fromkeys(round(step * (len(ranked) - 1) / (SHOWN - 1)) for step in range(SHOWN))
    return [_picture(ranked[index].scan, task, answers, out) for index in chosen]


def _picture(scan: str, task: OpenTask, answers: dict[str, dict[str, SubjectPrediction]], out: Path) -> OverlayPicture:
    assert isinstance(task.task, Segmentation)
    place = next(index for index, one in enumerate(task.data.cohort.scans) if one.name == scan)
    grid = task.data.store.grids[place]
    given = {title: by_scan[scan] for title, by_scan in answers.items() if scan in by_scan}
    return methods_picture(
        Volume(task.data.store.volumes([place])[0, 0], grid),
        Volume(task.task.joined(task.data.store.segmentations([place])[0]), grid),
        [(title, read_label_map(out / str(one.prediction))[0]) for title, one in given.items()],
        title=scan,
        remarks={title: _dice(one) for title, one in given.items()},
        labels=label_styles(task.task),
    )


def _dice(one: SubjectPrediction) -> str:
    values = [value for name, value in one.metrics.items() if name.startswith("dice_")]
    return f"Dice {sum(values) / len(values):.2f}"
