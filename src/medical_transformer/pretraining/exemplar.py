"""Stage 1: an exemplar network teaches the slice encoders (paper section 3.3.1, Eq. 1)."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from medical_transformer.backbones import MedicalTransformer
from medical_transformer.errors import TrainingError
from medical_transformer.pretraining.pretext import NEGATIVES, Pretext, refuse_collapse, relative_spread
from medical_transformer.shapes import PlaneVectors, VolumeBatch
from medical_transformer.slices import Plane, draw_curves, transform_intensities


@dataclass(frozen=True, slots=True)
class UnlabelledBatch:
    """Scans without labels.

    Attributes:
        volumes: the scans.
        subjects: whose each one is; two scans of one subject are never negatives of each other.
    """

    volumes: VolumeBatch
    subjects: tuple[str, ...]

    def to(self, device: torch.device) -> "UnlabelledBatch":
        """Move the batch to a device."""
        return UnlabelledBatch(self.volumes.to(device), self.subjects)


class Exemplar(Pretext[UnlabelledBatch]):
    """Triplet loss between a scan, its Bezier-transformed self and another subject's scan.

    Slice vectors are averaged over a plane, distances are L2, and the losses of the three planes are averaged.

    Args:
        backbone: its slice encoders are taught; its transformer is left alone.
        margin: alpha of Eq. 1.
        inverting: share of curves that invert the contrast (0 in the paper).
    """

    needs_other_subjects = True
    needs_two = NEGATIVES

    def __init__(self, backbone: MedicalTransformer, *, margin: float = 1.0, inverting: float = 0.0) -> None:
        super().__init__()
        self.encoders = backbone.encoders
        self._encode_slices = backbone.encode_slices
        self.margin, self.inverting = margin, inverting
        self.chance = {"loss": margin, "triplet_accuracy": 0.5}

    def forward(self, batch: UnlabelledBatch, generator: torch.Generator) -> Tensor:
        """Return the mean over planes of Eq. 1; negatives come from the same batch."""
        anchors, positives = self._encode_pairs(batch.volumes, generator)
        negatives = draw_negatives(batch.subjects, generator).to(batch.volumes.device)
        closer = [
            _distance(anchors[plane], positives[plane]) - _distance(anchors[plane], anchors[plane][negatives])
            for plane in Plane
        ]
        return (torch.stack(closer) + self.margin).clamp_min(0).mean()

    def validate(self, batches: Iterable[UnlabelledBatch], generator: torch.Generator) -> Mapping[str, float]:
        """Return the loss, and how often the transformed scan lies nearer than the other subject's.

        Negatives come from all batches: a short last one may hold the scans of one subject only.

        Raises:
            TrainingError: if all scans belong to one subject.
            CollapseError: if all scans are encoded alike.
        """
        subjects: list[str] = []
        pairs = []
        for batch in batches:
            subjects.extend(batch.subjects)
            pairs.append(self._encode_pairs(batch.volumes, generator))
        negatives = draw_negatives(subjects, generator)
        losses, wins, spreads = [], [], []
        for plane in Plane:
            anchor, positive = (torch.cat([pair[side][plane] for pair in pairs]) for side in (0, 1))
            near, far = _distance(anchor, positive), _distance(anchor, anchor[negatives.to(anchor.device)])
            losses.append((near - far + self.margin).clamp_min(0))
            wins.append((near < far).float())
            spreads.append(relative_spread(anchor))
        refuse_collapse(spreads)
        return {"loss": float(torch.cat(losses).mean()), "triplet_accuracy": float(torch.cat(wins).mean())}

    def _encode_pairs(
        self, volumes: VolumeBatch, generator: torch.Generator
    ) -> tuple[dict[Plane, PlaneVectors], dict[Plane, PlaneVectors]]:
        """Encode scans and their transformed selves, averaged over the slices of each plane."""
        curves = draw_curves(len(volumes), generator, inverting=self.inverting, device=volumes.device)
        return self._average_slices(volumes), self._average_slices(transform_intensities(volumes, curves))

    def _average_slices(self, volumes: VolumeBatch) -> dict[Plane, PlaneVectors]:
        features = self._encode_slices(volumes)
        return {plane: feature.vectors.mean(dim=1) for plane, feature in features.items()}


def draw_negatives(subjects: Sequence[str], generator: torch.Generator) -> Tensor:
    """Draw, for every scan of a batch, another scan of the batch that belongs to another subject.

    Raises:
        TrainingError: if the batch holds one subject only.
    """
    return torch.multinomial(of_others(subjects), 1, generator=generator).squeeze(1)


def of_others(subjects: Sequence[str]) -> Float[Tensor, "batch batch"]:
    """Return, for every scan of a batch, 1 for the scans of other subjects and 0 for those of its own.

    Raises:
        TrainingError: if the batch holds one subject only.
    """
    numbers = {subject: number for number, subject in enumerate(dict.fromkeys(subjects))}
    if len(numbers) < 2:
        raise TrainingError(
            f"All {len(subjects)} scans of a batch belong to subject {subjects[0]!r}, so there is no negative "
            "example; raise the batch size or add subjects."
        )
    owner = torch.tensor([numbers[subject] for subject in subjects])
    return (owner[:, None] != owner[None, :]).float()


def _distance(one: PlaneVectors, other: PlaneVectors) -> Float[Tensor, "batch"]:
    """L2 distance whose gradient stays finite where both are equal."""
    return (one - other).square().sum(dim=1).add(1e-12).sqrt()
