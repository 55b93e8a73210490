"""A model folder: weights, and everything that must travel with them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import torch
from pydantic import Field, TypeAdapter

from medical_transformer.backbones import build_backbone
from medical_transformer.backbones.weights import load_weights, read_tensors, save_weights
from medical_transformer.cohorts.tables import read_json, write_json
from medical_transformer.contracts import Backbone
from medical_transformer.errors import CohortError, WeightsError
from medical_transformer.preprocessing import PipelineConfig
from medical_transformer.preprocessing.template import MNI_GRID
from medical_transformer.tasks.classification import Classification
from medical_transformer.tasks.model import TaskModel
from medical_transformer.tasks.regression import Regression
from medical_transformer.tasks.segmentation import Segmentation

FORMAT = 1
AnyTask = Annotated[Classification | Regression | Segmentation, Field(discriminator="kind")]


@dataclass(frozen=True, slots=True)
class SavedModel:
    """A network with what it needs to be used again.

    Attributes:
        network: a `TaskModel`, or a bare backbone (a pre-trained encoder).
        backbone: name and settings of the backbone.
        preparation: how its scans were prepared.
        pool: how often the prepared volumes were pooled again before the network saw them.
        modalities: the input channels, in order.
        about: what it was trained on, scores, versions.
        prepared: the modalities that its scans were prepared with; the first leads, and all are needed to prepare a
            new scan in the same way. Empty: the input channels.
    """

    network: TaskModel | Backbone
    backbone: Mapping[str, Any]
    preparation: PipelineConfig
    pool: int
    modalities: tuple[str, ...]
    about: Mapping[str, Any] = field(default_factory=dict)
    prepared: tuple[str, ...] = ()

    @property
    def field_of_view(self) -> tuple[int, int, int]:
        """Voxels along right, anterior and superior that the network sees."""
        fine = MNI_GRID.shape if self.preparation.space == "mni" else self.preparation.crop_shape
        right, anterior, superior = (side // self.preparation.pool // self.pool for side in fine)
        return right, anterior, superior


def save_model(model: SavedModel, folder: Path, *, half: bool = False) -> None:
    """Write `model.safetensors`, then `config.json`, which marks the folder as complete.

    Args:
        model: what is written.
        folder: where.
        half: whether matrices and kernels are stored in half precision; loading takes them back to single.
    """
    save_weights(model.network, folder / "model.safetensors", half=half)
    task = model.network.task.model_dump(mode="json") if isinstance(model.network, TaskModel) else None
    config = {
        "format": FORMAT,
        "backbone": dict(model.backbone),
        "task": task,
        "preparation": model.preparation.model_dump(mode="json"),
        "preparation_fingerprint": model.preparation.fingerprint(),
        "pool": model.pool,
        "modalities": list(model.modalities),
        "prepared": list(model.prepared or model.modalities),
        "about": dict(model.about),
    }
    write_json(folder / "config.json", config)


def load_model(folder: Path) -> SavedModel:
    """Build the network of a model folder and put its weights in.

    Raises:
        WeightsError: if the folder is no model, is damaged, or was prepared by another version of a step.
    """
    path = folder / "config.json"
    try:
        config = read_json(path)
        saved, fingerprint = _from_config(config), config["preparation_fingerprint"]
    except FileNotFoundError as error:
        raise WeightsError(f"{folder} is no model folder: it has no config.json.") from error
    except CohortError as error:
        raise WeightsError(str(error)) from error
    except (KeyError, TypeError, ValueError) as error:
        raise WeightsError(f"{path}: not a model configuration ({error}).") from error
    if saved.preparation.fingerprint() != fingerprint:
        raise WeightsError(f"{path}: this version prepares scans otherwise than the model was trained with.")
    load_weights(saved.network, read_tensors(folder / "model.safetensors"))
    return saved


def _from_config(config: Mapping[str, Any]) -> SavedModel:
    if config["format"] != FORMAT:
        raise ValueError(f"it has format {config['format']}; this version reads format {FORMAT}")
    return SavedModel(
        _build(config).eval(),
        config["backbone"],
        PipelineConfig.model_validate(config["preparation"]),
        config["pool"],
        tuple(config["modalities"]),
        config["about"],
        tuple(config.get("prepared", config["modalities"])),
    )


def _build(config: Mapping[str, Any]) -> TaskModel | Backbone:
    # The initial weights are drawn and thrown away; the caller's randomness shall not notice.
    with torch.random.fork_rng(devices=[]):
        backbone = build_backbone(config["backbone"]["name"], config["backbone"]["settings"])
        if config["task"] is None:
            return backbone
        adapter: TypeAdapter[Classification | Regression | Segmentation] = TypeAdapter(AnyTask)
        return TaskModel(backbone, adapter.validate_python(config["task"]))
