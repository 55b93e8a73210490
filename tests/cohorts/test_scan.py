from pathlib import Path

import pytest

from medical_transformer.cohorts import Scan
from medical_transformer.errors import CohortError

IMAGES = {"T1w": Path("a.nii")}


@pytest.mark.parametrize("name", ["", "a/b", "..", "-a", "a b", "é", "a\n"])
def test_a_name_that_cannot_name_a_file_is_refused(name: str) -> None:
    with pytest.raises(CohortError, match="cannot name a file"):
        Scan(subject="a", name=name, images=IMAGES)


def test_a_scan_without_an_image_is_refused() -> None:
    with pytest.raises(CohortError, match="has no image"):
        Scan(subject="a", name="a", images={})


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "", "  "])
def test_a_missing_label_must_be_absent(value: float | str) -> None:
    with pytest.raises(CohortError, match="leave out a label that is missing"):
        Scan(subject="a", name="a", images=IMAGES, labels={"age_years": value})


@pytest.mark.parametrize("label", ["site", "path", "scan", " "])
def test_a_label_cannot_take_the_name_of_a_column_of_the_table(label: str) -> None:
    with pytest.raises(CohortError, match="cannot name a label"):
        Scan(subject="a", name="a", images=IMAGES, labels={label: "x"})
