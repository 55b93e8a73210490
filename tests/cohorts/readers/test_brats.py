from pathlib import Path

import pytest

from medical_transformer.cohorts import Indexed, Verdict, index
from medical_transformer.errors import CohortError

from .conftest import Lay

TRAINING = "MICCAI_BraTS2020_TrainingData"
KINDS = ("flair", "t1", "t1ce", "t2", "seg")
SURVIVAL = (
    "Brats20ID,Age,Survival_days,Extent_of_Resection\n"
    "BraTS20_Training_001,60.46301370,289,GTR\n"
    "BraTS20_Training_002,52.26301370,ALIVE (361 days later),NA\n"
    "BraTS20_Training_009,40.0,100,STR\n"
)
MAPPING = (
    "Grade,BraTS_2017_subject_ID,BraTS_2018_subject_ID,TCGA_TCIA_subject_ID,BraTS_2019_subject_ID,"
    "BraTS_2020_subject_ID\n"
    "HGG,Brats17_CBICA_AAB_1,Brats18_CBICA_AAB_1,NA,BraTS19_CBICA_AAB_1,BraTS20_Training_001\n"
    "LGG,NA,NA,NA,NA,BraTS20_Training_002\n"
)


def case(number: str, folder: str = TRAINING, kinds: tuple[str, ...] = KINDS, suffix: str = ".nii.gz") -> list[str]:
    return [f"{folder}/{number}/{number}_{kind}{suffix}" for kind in kinds]


FIRST, SECOND = "BraTS20_Training_001", "BraTS20_Training_002"


@pytest.fixture
def indexed(lay: Lay) -> Indexed:
    tables = {f"{TRAINING}/survival_info.csv": SURVIVAL, f"{TRAINING}/name_mapping.csv": MAPPING}
    return index(lay(*case(FIRST), *case(SECOND), texts=tables))


def reason(indexed: Indexed, item: str) -> tuple[Verdict, str]:
    return next((entry.verdict, entry.reason) for entry in indexed.ledger.entries if entry.item == item)


def test_each_modality_is_the_file_that_is_named_after_it(indexed: Indexed) -> None:
    assert {modality: path.name for modality, path in indexed.cohort.scans[0].images.items()} == {
        "T1w": f"{FIRST}_t1.nii.gz",
        "T1ce": f"{FIRST}_t1ce.nii.gz",
        "T2w": f"{FIRST}_t2.nii.gz",
        "FLAIR": f"{FIRST}_flair.nii.gz",
    }


def test_the_map_is_no_image_but_the_segmentation(indexed: Indexed) -> None:
    mask = indexed.cohort.scans[0].segmentation
    assert mask is not None
    assert mask.name == f"{FIRST}_seg.nii.gz"


def test_age_survival_and_grade_come_from_two_tables(indexed: Indexed) -> None:
    assert indexed.cohort.scans[0].labels == {
        "age_years": 60.4630137,
        "survival_days": 289.0,
        "resection": "GTR",
        "grade": "HGG",
    }


def test_a_patient_who_was_alive_has_no_number_of_survival_days(indexed: Indexed) -> None:
    assert indexed.cohort.scans[1].labels == {"age_years": 52.2630137, "grade": "LGG"}
    lost = "1 of the table's 3 cells left out ('ALIVE (361 days later)'), alive at the end."
    assert f"survival_info.csv, Survival_days: {lost}" in indexed.notes


def test_a_row_without_its_case_is_skipped(indexed: Indexed) -> None:
    assert reason(indexed, "survival_info.csv row 4")[0] is Verdict.SKIPPED


def test_case_355_has_its_map_under_another_name(lay: Lay) -> None:
    odd = f"{TRAINING}/BraTS20_Training_355/W39_1998.09.19_Segm.nii"
    indexed = index(lay(*case("BraTS20_Training_355", kinds=KINDS[:4], suffix=".nii"), odd))
    assert indexed.cohort.scans[0].segmentation == Path(odd)
    assert "its only other image" in reason(indexed, odd)[1]


def test_two_images_that_could_be_the_map_are_both_left_out(lay: Lay) -> None:
    folder = f"{TRAINING}/{FIRST}"
    indexed = index(lay(*case(FIRST, kinds=KINDS[:4]), f"{folder}/a.nii", f"{folder}/b.nii"))
    assert indexed.cohort.scans[0].segmentation is None
    assert reason(indexed, f"{folder}/a.nii")[0] is Verdict.SKIPPED


def test_the_nested_uncompressed_copy_is_read(lay: Lay) -> None:
    folder = f"BraTS2020_TrainingData/{TRAINING}"
    assert len(index(lay(*case(FIRST, folder, suffix=".nii"))).cohort) == 1


def test_training_and_validation_are_read_together(lay: Lay) -> None:
    validation = case("BraTS20_Validation_001", "MICCAI_BraTS2020_ValidationData", KINDS[:4])
    cohort = index(lay(*case(FIRST), *validation)).cohort
    assert [scan.segmentation is None for scan in cohort.scans] == [False, True]


def test_cases_that_share_one_folder_are_told_apart(lay: Lay) -> None:
    files = [f"{number}_{kind}.nii" for number in (FIRST, SECOND) for kind in KINDS]
    assert [scan.subject for scan in index(lay(*files)).cohort.scans] == [FIRST, SECOND]


def test_a_case_that_lacks_a_modality_is_refused_with_all_its_files(lay: Lay) -> None:
    indexed = index(lay(*case(FIRST), *case(SECOND, kinds=("flair", "t1", "t2", "seg"))))
    refused = [entry for entry in indexed.ledger.of(Verdict.REFUSED) if entry.kind == "file"]
    assert len(indexed.cohort) == 1
    assert len(refused) == 4
    assert all("lacks t1ce" in entry.reason for entry in refused)


def test_the_row_of_a_refused_case_does_not_say_that_no_image_is_here(lay: Lay) -> None:
    tables = {f"{TRAINING}/name_mapping.csv": MAPPING}
    indexed = index(lay(*case(FIRST), *case(SECOND, kinds=("flair", "t1", "seg")), texts=tables))
    verdict, why = reason(indexed, "name_mapping.csv row 3")
    assert (verdict, why.partition(";")[0]) == (Verdict.SKIPPED, "Its images are here, but none was taken")


def test_an_image_that_is_there_twice_is_taken_once(lay: Lay) -> None:
    indexed = index(lay(*case(FIRST), *case(FIRST, suffix=".nii")))
    assert len(indexed.cohort) == 1
    assert len([entry for entry in indexed.ledger.of(Verdict.SKIPPED) if "same image" in entry.reason]) == 5


def test_a_named_table_without_an_identifier_is_refused(lay: Lay, tmp_path: Path) -> None:
    source = lay(*case(FIRST), texts={"../people.csv": "who,age\na,1\n"})
    with pytest.raises(CohortError, match="no column 'BraTS_2020_subject_ID' or 'Brats20ID'"):
        index(source, table=tmp_path / "people.csv")


@pytest.mark.real
@pytest.mark.parametrize("folder", ["glioma", "glioma/BraTS20_Training_901"])
def test_the_real_glioma_has_four_modalities_and_a_map(real: Path, folder: str) -> None:
    indexed = index(real / folder)
    (scan,) = indexed.cohort.scans
    assert list(scan.images) == ["T1w", "T1ce", "T2w", "FLAIR"]
    assert scan.segmentation is not None
    assert indexed.ledger.counts("file") == {Verdict.USED: 5}
