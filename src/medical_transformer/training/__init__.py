"""The loop, optimisation, checkpoints, journal."""

from medical_transformer.training.config import TrainingConfig
from medical_transformer.training.ended import Ended, take_ended
from medical_transformer.training.fit import Fitted, Source, fit
from medical_transformer.training.journal import EpochRecord, Journal
from medical_transformer.training.randomness import derive_seed, generator

__all__ = [
    "Ended",
    "EpochRecord",
    "Fitted",
    "Journal",
    "Source",
    "TrainingConfig",
    "derive_seed",
    "fit",
    "generator",
    "take_ended",
]
