"""The errors of this package, in one tree.

Every error says what happened, what was received and what to do, and names the file or the subject.
Each is also the builtin it resembles, so ``except ValueError`` keeps working::

    MedicalTransformerError
    ├── VolumeError (ValueError)        a file or array that is not a usable MRI volume
    ├── CohortError (ValueError)        a table or folder that cannot be read as a cohort
    │   └── LeakageError                a subject, or a scan, on both sides of a split
    ├── PreparationError (RuntimeError) a readable scan that could not be made comparable
    ├── ConfigError (ValueError)        a setting that is misspelt or out of range
    │   └── FolderInUseError            a folder into which another run is writing
    ├── WeightsError (ValueError)       weights that are missing, damaged or of another network
    ├── ResultError (ValueError)        the files of a result that are missing or damaged
    └── TrainingError (RuntimeError)    a run that cannot go on
        ├── NonFiniteLossError          the loss became NaN or infinite
        └── CollapseError               the encoder answers the same to everything
"""


class MedicalTransformerError(Exception):
    """Root of all errors that this package raises on purpose."""


def sentence_of(error: Exception) -> str:
    """Say an error in one line for a person: an error of the system as the file and what is wrong with it."""
    if isinstance(error, OSError) and not isinstance(error, MedicalTransformerError):
        return f"{error.filename or 'a file'}: {(error.strerror or str(error)).lower()}."
    return str(error)


class VolumeError(MedicalTransformerError, ValueError):
    """A file or array is not a usable MRI volume."""


class CohortError(MedicalTransformerError, ValueError):
    """A table or a folder cannot be read as a cohort."""


class LeakageError(CohortError):
    """A subject, or a scan, stands on both sides of a split."""


class PreparationError(MedicalTransformerError, RuntimeError):
    """A readable scan could not be made comparable with the others."""


class ConfigError(MedicalTransformerError, ValueError):
    """A setting is misspelt or out of range."""


class FolderInUseError(ConfigError):
    """Another run is writing into the folder; what was asked for is right, and can be done later."""


class WeightsError(MedicalTransformerError, ValueError):
    """Weights are missing, damaged or belong to another network."""


class ResultError(MedicalTransformerError, ValueError):
    """The files of a result are missing or damaged."""


class TrainingError(MedicalTransformerError, RuntimeError):
    """A training run cannot go on."""


class NonFiniteLossError(TrainingError):
    """The loss became NaN or infinite."""


class CollapseError(TrainingError):
    """The encoder gives the same answer to everything."""
