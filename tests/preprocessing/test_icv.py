"""What registration takes away of a head is kept as a number."""

import json
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from medical_transformer.cohorts import Scan
from medical_transformer.errors import CohortError, ConfigError
from medical_transformer.preprocessing import BRATS, DEFAULT, log_icv, read_log_icv
from medical_transformer.preprocessing.names import ScanFiles

SCAN = Scan(subject="P1", name="P1", images={"T1w": Path("x.nii.gz")})


def affine(*scales: float) -> np.ndarray:
    """Scale, turn, mirror and shift, from the template to a head."""
    linear = Rotation.from_euler("xyz", [10, -20, 30], degrees=True).as_matrix() @ np.diag(scales)
    return np.vstack([np.column_stack([linear, [3.0, -40.0, 7.0]]), [0, 0, 0, 1]])


def test_a_head_that_fills_the_template_as_it_is_has_its_size_wherever_it_lay() -> None:
    assert log_icv(affine(1, 1, 1)) == pytest.approx(0)
    assert log_icv(affine(-1, 1, 1)) == pytest.approx(0)


def test_the_size_is_the_logarithm_of_how_much_larger_a_head_is_than_the_template() -> None:
    assert log_icv(affine(1.1, 0.9, 1.2)) == pytest.approx(np.log(1.1 * 0.9 * 1.2))


def test_it_is_read_from_what_preparation_wrote(tmp_path: Path) -> None:
    path = tmp_path / ScanFiles.of(SCAN, DEFAULT).transform
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"prepared_to_native": affine(1.1, 1, 1).tolist()}))
    assert read_log_icv(SCAN, DEFAULT, tmp_path) == pytest.approx(np.log(1.1))


@pytest.mark.parametrize("text", [None, "{", "{}", '{"prepared_to_native": [1, 2]}'])
def test_a_scan_without_its_transform_is_refused_by_name(tmp_path: Path, text: str | None) -> None:
    path = tmp_path / ScanFiles.of(SCAN, DEFAULT).transform
    path.parent.mkdir(parents=True)
    if text is not None:
        path.write_text(text)
    with pytest.raises(CohortError, match=r"'P1'.*prepare the scan again"):
        read_log_icv(SCAN, DEFAULT, tmp_path)


def test_scans_that_were_not_registered_have_kept_their_size(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="space=crop"):
        read_log_icv(SCAN, BRATS, tmp_path)
