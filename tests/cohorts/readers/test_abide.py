import pytest

from medical_transformer.cohorts import Indexed, Verdict, index

from .conftest import Lay

# Column names with stray spaces, as copies of ABIDE II have them, and -9999 for what is missing.
TABLE = (
    "SITE_ID,SUB_ID,NDAR_GUID,DX_GROUP,PDD_DSM_IV_TR,AGE_AT_SCAN ,SEX,FIQ\n"
    "NYU,50952,x,1,1,13.96,1,113\n"
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
        "age_years": 13.96,
        "sex": "male",
        "diagnosis": "ASD",
        "full_iq": 113.0,
    }


def test_what_is_minus_9999_is_absent(indexed: Indexed) -> None:
    assert indexed.cohort.scans[0].labels == {"age_years": 24.45, "sex": "female", "diagnosis": "control"}


def test_the_site_is_the_folder(indexed: Indexed) -> None:
    assert [scan.site for scan in indexed.cohort.scans] == ["Pitt", "NYU"]


def test_those_younger_than_13_are_left_out_and_said(lay: Lay) -> None:
    indexed = index(lay(NYU, PITT, texts={"Phenotypic_V1_0b.csv": TABLE.replace("13.96", "9.96")}))
    assert [scan.subject for scan in indexed.cohort.scans] == ["0050003"]
    entry = next(one for one in indexed.ledger.entries if one.item == NYU)
    assert (entry.verdict, entry.reason) == (Verdict.SKIPPED, "Left out: age_years is 9.96, not >=13.")


def test_everybody_is_taken_where_that_is_asked(lay: Lay) -> None:
    source = lay(NYU, PITT, texts={"Phenotypic_V1_0b.csv": TABLE.replace("13.96", "9.96")})
    indexed = index(source, where=["age_years>=0"])
    assert len(indexed.cohort) == 2
    assert any("1 are younger than 13 years" in note for note in indexed.notes)


def test_controls_are_taken_where_that_is_asked(lay: Lay) -> None:
    source = lay(NYU, PITT, texts={"Phenotypic_V1_0b.csv": TABLE})
    indexed = index(source, where=["diagnosis=control"])
    assert [scan.subject for scan in indexed.cohort.scans] == ["0050003"]


def test_abide_2_is_read_with_its_short_identifiers_and_latin_1_letters(lay: Lay) -> None:
    image = "ABIDEII-BNI_1/29006/session_1/anat_1/anat.nii.gz"
    source = lay(image)
    table = "SITE_ID,SUB_ID,DX_GROUP,AGE_AT_SCAN ,SEX,COMMENT\nABIDEII-BNI_1,29006,2,48.0,1,Z\xfcrich\n"
    (source / "ABIDEII_Composite_Phenotypic.csv").write_bytes(table.encode("latin-1"))
    (scan,) = index(source).cohort.scans
    assert (scan.subject, scan.site) == ("0029006", "ABIDEII-BNI_1")
    assert scan.labels == {"age_years": 48.0, "sex": "male", "diagnosis": "control"}


def test_the_notes_set_the_groups_beside_the_paper(indexed: Indexed) -> None:
    assert any("A small part of ABIDE" in note and "2 of 564 scans" in note for note in indexed.notes)
    assert any("--where diagnosis=control" in note for note in indexed.notes)


def test_a_row_without_an_image_is_skipped(indexed: Indexed) -> None:
    rows = {entry.item: entry.verdict for entry in indexed.ledger.entries if entry.kind == "row"}
    assert rows["Phenotypic_V1_0b.csv row 4"] is Verdict.SKIPPED


def test_a_second_image_of_a_session_is_skipped(lay: Lay) -> None:
    second = NYU.replace("anat_1", "anat_2")
    indexed = index(lay(NYU, second))
    assert len(indexed.cohort) == 1
    assert [entry.item for entry in indexed.ledger.of(Verdict.SKIPPED)] == [second]
