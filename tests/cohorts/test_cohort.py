from pathlib import Path

import numpy as np
import pytest

from medical_transformer.cohorts import Cohort, Scan
from medical_transformer.errors import CohortError


def scan(name: str, **labels: float | str) -> Scan:
    return Scan(subject=name, name=name, images={"T1w": Path(f"{name}.nii.gz")}, labels=labels)


def cohort(*scans: Scan, root: Path = Path("data")) -> Cohort:
    return Cohort("test", root, scans)


FULL = Scan(
    subject="s1",
    name="s1_ses-2",
    images={"T2w": Path("b/t2.nii"), "T1w": Path("a/t1.nii")},
    session="ses-2",
    site="HH",
    segmentation=Path("../masks/s1.nii"),
    labels={"age_years": 35.80013689253942, "sex": "female", "code": "007"},
    source="IXI.csv row 17",
    content_hash="0123456789abcdef",
)


def test_saving_and_loading_a_cohort_changes_nothing(tmp_path: Path) -> None:
    saved = Cohort("test", tmp_path / "data", (FULL, scan("s2")))
    saved.save(tmp_path / "index")
    loaded = Cohort.load(tmp_path / "index")
    assert loaded.scans == saved.scans
    assert loaded.root.resolve() == saved.root.resolve()


def test_the_order_of_modalities_survives(tmp_path: Path) -> None:
    cohort(FULL).save(tmp_path)
    assert list(Cohort.load(tmp_path).scans[0].images) == ["T2w", "T1w"]


@pytest.mark.parametrize("text", ["007", "1e5", "NaN", "inf", "tab\tand\nline", ' "quoted" '])
def test_a_text_label_stays_the_same_text(tmp_path: Path, text: str) -> None:
    cohort(scan("a", code=text)).save(tmp_path)
    assert Cohort.load(tmp_path).scans[0].labels == {"code": text}


def test_a_number_from_numpy_is_saved_as_a_number(tmp_path: Path) -> None:
    cohort(scan("a", age_years=np.float64(40.5))).save(tmp_path)
    assert Cohort.load(tmp_path).scans[0].labels == {"age_years": 40.5}


def test_a_cohort_that_moves_with_its_images_is_found_again(tmp_path: Path) -> None:
    cohort(scan("a"), root=tmp_path / "here" / "images").save(tmp_path / "here")
    (tmp_path / "here").rename(tmp_path / "there")
    assert Cohort.load(tmp_path / "there").root == tmp_path / "there" / "images"


def test_scans_are_sorted_by_name() -> None:
    assert [one.name for one in cohort(scan("b"), scan("a")).scans] == ["a", "b"]


def test_a_name_that_is_there_twice_is_refused() -> None:
    with pytest.raises(CohortError, match=r"names twice, such as 'a'"):
        cohort(scan("a"), scan("a"))


def test_a_label_that_is_a_number_here_and_a_text_there_is_refused() -> None:
    with pytest.raises(CohortError, match=r"Label 'x' .* a number for some"):
        cohort(scan("a", x=1.0), scan("b", x="one"))


def test_asking_for_an_unknown_label_names_those_that_exist() -> None:
    with pytest.raises(
        CohortError, match=r"no.* label 'age'; there are: age_years|has a label 'age'; there are: age_years"
    ):
        cohort(scan("a", age_years=3.0)).with_label("age")


def test_only_scans_with_the_label_remain() -> None:
    labelled = cohort(scan("a", age_years=3.0), scan("b")).with_label("age_years")
    assert [one.name for one in labelled.scans] == ["a"]


def test_a_folder_without_a_cohort_is_refused_with_the_command_that_makes_one(tmp_path: Path) -> None:
    with pytest.raises(CohortError, match="medtrans index"):
        Cohort.load(tmp_path)


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"name": "a"}'])
def test_a_damaged_description_is_refused_by_name(tmp_path: Path, text: str) -> None:
    cohort(scan("a")).save(tmp_path)
    (tmp_path / "cohort.json").write_text(text)
    with pytest.raises(CohortError, match=r"cohort\.json"):
        Cohort.load(tmp_path)


def test_a_table_that_lacks_columns_is_refused(tmp_path: Path) -> None:
    cohort(scan("a")).save(tmp_path)
    (tmp_path / "cohort.tsv").write_text("scan\tsubject\na\ta\n")
    with pytest.raises(CohortError, match="lacks the columns content_hash"):
        Cohort.load(tmp_path)
