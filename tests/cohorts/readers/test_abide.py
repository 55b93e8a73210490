import pytest

from medical_transformer.cohorts import Indexed, Verdict, index

from .conftest import Lay

# Column names with stray spaces, as copies of ABIDE II have them, and -9999 for what is missing.
TABLE = (
    "SITE_ID,SUB_ID,NDAR_GUID,DX_GROUP,PDD_DSM_IV_TR,AGE_AT_SCAN ,SEX,FIQ\n"
    "NYU,50952,x,1,1,9.96,1,113\n"
    "Pitt,50003,x,2,,24.45,2,-9999\n"
    "Pitt,50004,x,1,,19.09,1,113\n"
)
NYU = "RawData/NYU/0050952/session_1/anat_1/mprage.nii.gz"
PITT = "RawData/Pitt/0050003/session_1/anat_1/anat.nii.gz"


@pytest.fixture
def indexed(lay: Lay) -> Indexed:
    return index(lay(NYU, PITT, texts={"Phenotypic_V1_0b.csv": TABLE}))


def test_the_identifier_is_found_without_its_leading_zeros(indexed: Indexed) -> None:
    assert [scan.subject for scan in indexed.cohort.scans] == ["0050003", "0050952"]
    assert indexed.cohort.scans[1].labels == {
        "age_years": 9.96,
        "sex": "male",
        "diagnosis": "ASD",
        "full_iq": 113.0,
    }


def test_what_is_minus_9999_is_absent(indexed: Indexed) -> None:
    assert indexed.cohort.scans[0].labels == {"age_years": 24.45, "sex": "female", "diagnosis": "control"}


def test_the_site_is_the_folder(indexed: Indexed) -> None:
    assert [scan.site for scan in indexed.cohort.scans] == ["Pitt", "NYU"]


def test_the_notes_count_those_whom_the_paper_left_out(indexed: Indexed) -> None:
    assert any("1 are younger than 13 years" in note for note in indexed.notes)


def test_a_row_without_an_image_is_skipped(indexed: Indexed) -> None:
    rows = {entry.item: entry.verdict for entry in indexed.ledger.entries if entry.kind == "row"}
    assert rows["Phenotypic_V1_0b.csv row 4"] is Verdict.SKIPPED


def test_a_second_image_of_a_session_is_skipped(lay: Lay) -> None:
    second = NYU.replace("anat_1", "anat_2")
    indexed = index(lay(NYU, second))
    assert len(indexed.cohort) == 1
    assert [entry.item for entry in indexed.ledger.of(Verdict.SKIPPED)] == [second]
