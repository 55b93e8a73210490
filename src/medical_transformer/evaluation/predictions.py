"""What a cross-validation leaves behind: one prediction per scan, one fold's scores, one epoch's record."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from medical_transformer.training import EpochRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class SubjectPrediction:
    """The answer for one scan, by the model of the one fold that has not seen its subject.

    Attributes:
        scan: name of the scan, unique in the cohort.
        subject: who was scanned.
        fold: the fold that tested this subject.
        truth: the label; None where it is unknown, or is a label map.
        prediction: a number, a class, or for a segmentation the path of the predicted label map.
        probabilities: probability per class; empty where the model gives none.
        metrics: scores of this one scan, such as `dice_WT`.
    """

    scan: str
    subject: str
    fold: int
    truth: float | str | None
    prediction: float | str
    probabilities: Mapping[str, float] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        values = (self.truth, self.prediction)
        numbers = [value for value in values if value is not None and not isinstance(value, str)]
        if not all(math.isfinite(number) for number in (*numbers, *self.probabilities.values())):
            raise ValueError(f"Scan {self.scan!r}: a truth, prediction or probability is not finite.")


@dataclass(frozen=True, slots=True, kw_only=True)
class FoldResult:
    """The scores of one fold's test part, and how its model was trained.

    Attributes:
        fold: number of the fold.
        metrics: scores on the test part.
        history: one record per epoch.
        best_epoch: the epoch whose weights were tested.
        sizes: subjects in each part (`train`, `validation`, `test`), where known.
        validation: the answers to the validation part, on which corrections may be fitted; empty where not kept.
    """

    fold: int
    metrics: Mapping[str, float]
    history: tuple[EpochRecord, ...] = ()
    best_epoch: int = 0
    sizes: Mapping[str, int] = field(default_factory=dict)
    validation: tuple[SubjectPrediction, ...] = ()
