"""Labelling every voxel: tumour regions, brain structures."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, Self

import numpy as np
import torch
from jaxtyping import Int
from pydantic import Field, model_validator
from torch import Tensor, nn
from torch.nn import functional

from medical_transformer.cohorts import Scan
from medical_transformer.contracts import Backbone
from medical_transformer.errors import CohortError
from medical_transformer.tasks.heads import SegmentationHead
from medical_transformer.tasks.task import Answer, Task

LabelVoxels = Int[np.ndarray[Any, Any], "*batch right anterior superior"]

# Whole tumour, tumour core and enhancing core (Fig. 4 of the paper), as sets of the label values of BraTS 2020.
BRATS_REGIONS: Mapping[str, tuple[int, ...]] = {"WT": (1, 2, 4), "TC": (1, 4), "ET": (4,)}


class Segmentation(Task):
    """Predict a class for every voxel with Dice and cross-entropy."""

    kind: Literal["segmentation"] = "segmentation"
    label: str = "segmentation"
    values: Annotated[
        tuple[int, ...], Field(min_length=1, description="Label values that are predicted, background 0 left out.")
    ]
    stands_for: Annotated[
        Mapping[int, tuple[int, ...]],
        Field(description="The values of the cohort's maps that a predicted value joins; itself where not named."),
    ] = {}
    regions: Annotated[
        Mapping[str, tuple[int, ...]], Field(description="Named unions of label values that are scored.")
    ]

    @model_validator(mode="after")
    def _check_regions(self) -> Self:
        for region, values in self.regions.items():
            strange = set(values) - set(self.values)
            if strange:
                raise ValueError(f"region {region!r} has values {sorted(strange)} that are not predicted")
        return self

    @property
    def needs_maps(self) -> bool:
        """Voxels are read from the feature maps."""
        return True

    @property
    def outputs(self) -> int:
        """One score per label value, and one for the background."""
        return 1 + len(self.values)

    def head(self, backbone: Backbone) -> nn.Module:
        """Build the backbone's own decoder, or a multi-scale linear head where it has none."""
        decoder = backbone.build_decoder(self.outputs)
        return SegmentationHead(backbone.map_channels, self.outputs) if decoder is None else decoder

    def targets(self, scans: Sequence[Scan]) -> Tensor:
        """Check that every scan has a label map; the maps themselves are read batch by batch.

        Raises:
            CohortError: naming the first scan without a label map.
        """
        for scan in scans:
            if scan.segmentation is None:
                raise CohortError(f"Scan {scan.name!r} has no label map to learn from.")
        return torch.empty(len(scans), 0)

    def encode(self, label_maps: Tensor) -> Tensor:
        """Turn label values into class indices; values that are not predicted become background."""
        joined = [self.stands_for.get(value, (value,)) for value in self.values]
        largest = max(map(max, joined))
        # One look-up per voxel, however many values are joined; the last place is for all larger ones.
        table = torch.zeros(largest + 2, dtype=torch.int64, device=label_maps.device)
        for index, values in enumerate(joined, start=1):
            table[list(values)] = index
        return table[label_maps.long().clamp(0, largest + 1)]

    def decode(self, classes: Tensor) -> Tensor:
        """Turn class indices into predicted label values: the inverse of `encode` where none are joined."""
        return torch.tensor((0, *self.values), device=classes.device)[classes]

    def joined(self, label_maps: LabelVoxels) -> LabelVoxels:
        """Return maps of the cohort in the values that are predicted, as scores and pictures want them."""
        classes = self.encode(torch.from_numpy(np.asarray(label_maps)))
        return self.decode(classes).numpy().astype(np.int16)

    def loss(self, outputs: Tensor, targets: Tensor, weights: Tensor | None) -> Tensor:
        """Return soft Dice over the foreground classes plus cross-entropy, in equal parts."""
        # Dice over the whole batch: a class that one scan lacks says nothing about its own gradient there.
        truth = functional.one_hot(targets, self.outputs).movedim(-1, 1).to(outputs.dtype)
        probabilities = outputs.softmax(dim=1)
        over = (0, 2, 3, 4)
        overlap = 2 * (probabilities * truth).sum(over) + 1e-5
        dice = overlap / (probabilities.sum(over) + truth.sum(over) + 1e-5)
        return functional.cross_entropy(outputs, targets, weight=weights) + 1 - dice[1:].mean()

    def scores(self, outputs: Tensor, targets: Tensor) -> Mapping[str, float]:
        """Sum over scans the Dice of each region, and their mean."""
        predicted, truth = self.decode(outputs.argmax(dim=1)), self.decode(targets)
        scores = {
            f"dice_{region}": float(_dice(_union(predicted, values), _union(truth, values)).sum())
            for region, values in self.regions.items()
        }
        return scores | {"dice": sum(scores.values()) / len(scores)}

    def answers(self, outputs: Tensor) -> list[Answer]:
        """Return nothing in words: the answer is the map."""
        return [Answer("", {}) for _ in outputs]


def _union(label_maps: Tensor, values: Sequence[int]) -> Tensor:
    return torch.isin(label_maps, torch.tensor(values, device=label_maps.device)).flatten(1)


def _dice(one: Tensor, other: Tensor) -> Tensor:
    """Dice per scan; two empty masks agree."""
    sizes = one.sum(1) + other.sum(1)
    overlap = 2 * (one & other).sum(1)
    return torch.where(sizes > 0, overlap / sizes.clamp_min(1), torch.ones_like(sizes, dtype=torch.float32))
