"""A trained model that answers on raw scans: preparation, network and the way back to the input's grid."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor

from medical_transformer import __version__
from medical_transformer.cohorts import Verdict
from medical_transformer.cohorts.hashing import hash_files
from medical_transformer.errors import WeightsError
from medical_transformer.preprocessing import PreparedScan, log_icv, prepare_scan
from medical_transformer.preprocessing.picture import draw
from medical_transformer.reporting import label_styles, slices_picture
from medical_transformer.serving.answered import Answered, Status
from medical_transformer.serving.requests import Request
from medical_transformer.tasks import SavedModel, Segmentation, TaskModel, load_model
from medical_transformer.training.devices import choose_device
from medical_transformer.volumes import Volume, average_pool, pooled_grid, resample, write_like
from medical_transformer.volumes.whole_files import write_bytes


@dataclass(frozen=True, slots=True)
class Predictor:
    """A loaded model.

    Attributes:
        saved: the network and everything that travels with it.
        network: the network, on its device.
        name: what the model is called in answers.
        weights: digest of its weights' file.
    """

    saved: SavedModel
    network: TaskModel
    name: str
    weights: str

    @classmethod
    def load(cls, folder: Path, device: str = "auto") -> Self:
        """Load a model folder.

        Raises:
            WeightsError: if it is no model, or a bare encoder that cannot answer anything.
        """
        saved = load_model(folder)
        if not isinstance(saved.network, TaskModel):
            raise WeightsError(
                f"{folder.name} is a pre-trained encoder; fine-tune it first to get a model that answers."
            )
        return cls(
            saved,
            saved.network.to(choose_device(device)).eval(),
            folder.resolve().name,
            hash_files([folder / "model.safetensors"]),
        )

    def answer(self, request: Request, out: Path) -> Answered:
        """Prepare a scan, ask the network, and write everything but the JSON.

        Raises:
            MedicalTransformerError: if the scan cannot be read or prepared.
        """
        start = time.perf_counter()
        prepared = prepare_scan(request.images, self.saved.preparation, name=request.scan)
        picture = f"{request.stem}.png"
        write_bytes(out / picture, draw(prepared))
        answers: dict[str, float | str] = {}
        files = [picture]
        if prepared.verdict is not Verdict.REFUSED:
            outputs = self._ask(prepared)
            if isinstance(self.network.task, Segmentation):
                files += [f"{request.stem}_dseg.nii.gz", f"{request.stem}_dseg.png"]
                answers = self._write_segmentation(prepared, outputs, *(out / name for name in files[1:]))
            else:
                answers = self._in_words(outputs)
        status, reason = self._judge(prepared, answers)
        return Answered(
            scan=request.scan,
            subject=request.subject,
            status=status,
            reason=reason,
            answers=answers,
            quality=prepared.quality,
            input={word: str(path) for word, path in request.images.items()},
            files=tuple(files),
            seconds=time.perf_counter() - start,
        )

    def facts(self) -> Mapping[str, Any]:
        """Return what an answer tells about the model that gave it."""
        return {
            "name": self.name,
            "weights": self.weights,
            "task": self.network.task.model_dump(mode="json"),
            "preparation_fingerprint": self.saved.preparation.fingerprint(),
            "software": f"medical-transformer {__version__}",
        }

    @torch.inference_mode()
    def _ask(self, prepared: PreparedScan) -> Tensor:
        """Run the network on one prepared scan."""
        volumes = [average_pool(prepared.volumes[word], self.saved.pool) for word in self.saved.modalities]
        batch = torch.from_numpy(np.stack([volume.voxels for volume in volumes])[None])
        volume = torch.tensor([log_icv(prepared.placement.native_from_template)])
        outputs: Tensor = self.network(batch.to(next(self.network.parameters()).device), volume)
        return outputs.float().cpu()

    def _in_words(self, outputs: Tensor) -> dict[str, float | str]:
        answer = self.network.task.answers(outputs)[0]
        label = self.network.task.label
        return {label: answer.value} | {f"probability_{name}": value for name, value in answer.probabilities.items()}

    def _write_segmentation(
        self, prepared: PreparedScan, outputs: Tensor, path: Path, picture: Path
    ) -> dict[str, float | str]:
        """Write the label map on the input's own grid, and its picture; return each region's volume."""
        task = self.network.task
        assert isinstance(task, Segmentation)
        classes = _likeliest_on_native(prepared, outputs, self.saved.pool)
        labels = task.decode(torch.from_numpy(classes)).numpy().astype(np.int16)
        label_map = Volume(labels, prepared.native.grid)
        write_like(label_map, prepared.stored, path)
        shown = slices_picture(
            prepared.native, title=prepared.name, maps=[("Answer", label_map)], labels=label_styles(task)
        )
        write_bytes(picture, shown.png)
        voxel_ml = prepared.native.grid.voxel_volume_ml
        return {
            f"{region}_ml": float(np.isin(labels, values).sum()) * voxel_ml for region, values in task.regions.items()
        }

    def _judge(self, prepared: PreparedScan, answers: Mapping[str, float | str]) -> tuple[Status, str]:
        """Say whether the answer may be trusted: the preparation's verdict, then the range of the training labels."""
        if prepared.verdict is Verdict.REFUSED:
            return Status.REFUSED, prepared.reason
        reasons = [prepared.reason] if prepared.verdict is Verdict.WARNED else []
        value, known = answers.get(self.network.task.label), self.saved.about.get("label_range")
        if known and isinstance(value, float) and not known[0] <= value <= known[1]:
            reasons.append(f"The answer {value:.1f} lies outside the training labels, {known[0]:g} to {known[1]:g}.")
        return (Status.WARNED, " ".join(reasons)) if reasons else (Status.ANSWERED, "")


def _likeliest_on_native(prepared: PreparedScan, outputs: Tensor, pool: int) -> np.ndarray[Any, Any]:
    """Carry class probabilities to the input's grid and take the likeliest class there.

    Interpolating probabilities rather than labels leaves smooth borders where the grids differ. Outside the
    network's field of view every probability is 0, which is background.
    """
    grid = next(iter(prepared.volumes.values())).grid
    coarse = pooled_grid(grid, pool)
    probabilities = outputs.softmax(dim=1)[0].numpy()
    best = np.zeros(prepared.native.shape, dtype=np.float32)
    classes = np.zeros(prepared.native.shape, dtype=np.int64)
    foreground = np.zeros(prepared.native.shape, dtype=np.float32)
    for index in range(1, len(probabilities)):
        fine = resample(Volume(probabilities[index], coarse), grid) if pool > 1 else Volume(probabilities[index], grid)
        native = prepared.to_native(fine, order=1).voxels
        foreground += native
        classes[native > best] = index
        np.maximum(best, native, out=best)
    classes[best <= 1 - foreground] = 0
    return classes
