"""`medtrans models`: the models that come with the package."""

from dataclasses import dataclass

from medical_transformer.contracts import Backbone
from medical_transformer.tasks import (
    AnyTask,
    Classification,
    Regression,
    SavedModel,
    TaskModel,
    load_model,
    shipped,
    shipped_models,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ShippedModel:
    """A model that comes with the package.

    Attributes:
        name: for `--model` or `--encoder`.
        task: `classification`, `regression`, `segmentation`, or `encoder`, which answers nothing by itself.
        answers: what it answers, with its unit.
        megabytes: size of its weights.
        modalities: what it wants to see of a scan.
        field_of_view: voxels along right, anterior and superior.
        score: of its cross-validation, with the interval; empty where it was not tested.
        licence: of its weights.
        data: what it was trained on.
    """

    name: str
    task: str
    answers: str
    megabytes: float
    modalities: tuple[str, ...]
    field_of_view: tuple[int, int, int]
    score: str
    licence: str
    data: str


def models() -> tuple[ShippedModel, ...]:
    """Return the models that come with the package, by name.

    Raises:
        WeightsError: if one of them is damaged.
    """
    return tuple(_described(name) for name in shipped_models())


def _described(name: str) -> ShippedModel:
    folder = shipped.SHIPPED / name
    saved = load_model(folder)
    published = saved.about.get("published", {})
    return ShippedModel(
        name=name,
        task=saved.network.task.kind if isinstance(saved.network, TaskModel) else "encoder",
        answers=_answers(saved),
        megabytes=round((folder / "model.safetensors").stat().st_size / 1e6, 2),
        modalities=saved.modalities,
        field_of_view=saved.field_of_view,
        score=published.get("score", ""),
        licence=published.get("licence", ""),
        data=published.get("data", ""),
    )


def _answers(saved: SavedModel) -> str:
    if isinstance(saved.network, Backbone):
        return f"nothing by itself; {saved.network.feature_size} features to fine-tune from"
    return _answers_of(saved.network.task)  # type: ignore[arg-type]


def _answers_of(task: AnyTask) -> str:
    if isinstance(task, Regression):
        return f"{task.label} in {task.unit}" if task.unit else task.label
    if isinstance(task, Classification):
        return f"{task.label}: {' or '.join(task.classes)}, with probabilities"
    return f"a label map, and ml of {', '.join(task.regions)}"
