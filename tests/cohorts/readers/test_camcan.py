import pytest

from medical_transformer.cohorts import index, paper

from .conftest import Lay

PEOPLE = (
    "participant_id\tage\thand\tgender_code\ttiv_cubicmm\n"
    "sub-CC110033\t24\t80.1\t1\t1529220\n"
    "sub-CC110037\t18\t100\t2\t1478120\n"
)
IMAGES = [f"anat/sub-{number}/anat/sub-{number}_T1w.nii.gz" for number in ("CC110033", "CC110037")]


def test_gender_code_one_is_male_and_two_is_female(lay: Lay) -> None:
    cohort = index(lay(*IMAGES, texts={"anat/participants.tsv": PEOPLE})).cohort
    assert [scan.labels["sex"] for scan in cohort.scans] == ["male", "female"]


def test_age_hand_and_volume_are_labels(lay: Lay) -> None:
    scan = index(lay(*IMAGES, texts={"anat/participants.tsv": PEOPLE})).cohort.scans[0]
    assert scan.labels == {"age_years": 24.0, "hand": 80.1, "sex": "male", "tiv_cubicmm": 1529220.0}


def test_the_notes_compare_the_count_with_the_paper(lay: Lay, monkeypatch: pytest.MonkeyPatch) -> None:
    small = "A small part of Cam-CAN as the paper used it for pre-training: 2 of 653 scans, and 1,783 with "
    assert f"{small}566 of IXI and 564 of ABIDE." in index(lay(*IMAGES)).notes
    monkeypatch.setattr(paper, "PART", 0)
    said = "2 scans of Cam-CAN; the paper used 653 (with 566 of IXI and 564 of ABIDE: 1,783), so here are 651 fewer."
    assert said in index(lay(*IMAGES)).notes


def test_it_is_known_from_any_folder_above_it(lay: Lay) -> None:
    deep = "cc700/mri/pipeline/release004/BIDS_20190411/anat"
    people = {f"{deep}/participants.tsv": PEOPLE}
    indexed = index(lay(*(image.replace("anat/", f"{deep}/", 1) for image in IMAGES), texts=people))
    assert indexed.cohort.name == "Cam-CAN"
    assert [scan.labels["sex"] for scan in indexed.cohort.scans] == ["male", "female"]
