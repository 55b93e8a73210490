"""The intracranial volume: what the affine registration takes away, as a number.

Registered heads all fill the template. The factor by which a head had to be scaled for that estimates its intracranial
volume (Buckner et al. 2004, NeuroImage 23:724-738: the atlas scaling factor), and is all that is left of its size.
"""

import json
from pathlib import Path

import numpy as np

from medical_transformer.cohorts import Scan
from medical_transformer.errors import CohortError, ConfigError
from medical_transformer.preprocessing.config import PipelineConfig
from medical_transformer.preprocessing.names import ScanFiles
from medical_transformer.volumes.grid import Affine


def log_icv(native_from_template: Affine) -> float:
    """Return the natural logarithm of a head's volume in units of the template's.

    Args:
        native_from_template: affine from millimetres of the template to native millimetres.
    """
    return float(np.log(np.abs(np.linalg.det(native_from_template[:3, :3]))))


def read_log_icv(scan: Scan, config: PipelineConfig, root: Path) -> float:
    """Return it for a prepared scan.

    Args:
        scan: of a prepared cohort.
        config: how it was prepared.
        root: the folder of the prepared cohort.

    Raises:
        ConfigError: if the scans were not registered, so that their size is in their voxels.
        CohortError: if the scan's transform is missing or damaged.
    """
    if config.space != "mni":
        raise ConfigError(
            f"{root}: these scans were prepared with space={config.space} and have kept their own size; the "
            "intracranial volume is measured by the registration to the template. Leave out icv."
        )
    path = root / ScanFiles.of(scan, config).transform
    try:
        affine = np.array(json.loads(path.read_text(encoding="utf-8"))["prepared_to_native"], dtype=np.float64)
        return log_icv(affine)
    except (OSError, ValueError, KeyError, TypeError, IndexError) as error:
        raise CohortError(
            f"Scan {scan.name!r}: {path} tells no affine to the template ({error}); prepare the scan again."
        ) from error
