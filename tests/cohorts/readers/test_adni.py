from pathlib import Path
from typing import Any

import numpy as np
import pytest

from medical_transformer.cohorts import Indexed, Verdict, index, paper
from medical_transformer.errors import CohortError

from .conftest import Lay
from .dicom_fixtures import MPRAGE, SIDES, T2, write_series

ROWS = (
    "RID,COLPROT,ORIGPROT,PTID,SITE,VISCODE,EXAMDATE,DX_bl,AGE,PTGENDER,PTEDUCAT,MMSE,DX,EXAMDATE_bl\n"
    "413,ADNI1,ADNI1,002_S_0413,2,bl,2006-05-01,CN,76.3,Female,16,29,CN,2006-05-01\n"
    "413,ADNI1,ADNI1,002_S_0413,2,m24,2008-05-05,CN,76.3,Female,16,27,MCI,2006-05-01\n"
    "619,ADNI1,ADNI1,002_S_0619,2,bl,2006-06-01,AD,77.5,Male,12,22,Dementia,2006-06-01\n"
    "729,ADNI2,ADNI2,002_S_4799,2,bl,2012-06-01,LMCI,65.1,Male,20,28,,2012-06-01\n"
    "999,ADNI2,ADNI2,099_S_9999,2,bl,2012-06-01,SMC,65.1,Male,20,28,CN,2012-06-01\n"
)
COLLECTION = (
    '"Image Data ID","Subject","Group","Sex","Age","Visit","Modality","Description","Type","Acq Date","Format",'
    '"Downloaded"\n'
    '"I45117","002_S_0413","CN","F","76","sc","MRI","MPR; GradWarp; B1 Correction; N3; Scaled","Processed","5/02/2006",'
    '"NiFTI","3/01/2024"\n'
    '"70001","002_S_4799","EMCI","M","65","2","MRI","MPRAGE","Original","6/04/2012","NiFTI",""\n'
)
MPR = "MPR__GradWarp__B1_Correction__N3__Scaled"


def image(subject: str, day: str, number: int, description: str = MPR) -> str:
    file = f"ADNI_{subject}_MR_{description}_Br_20070319115331858_S{number}_I{number}.nii"
    return f"ADNI/{subject}/{description}/{day}_12_31_52.0/S{number}/{file}"


IMAGES = (
    image("002_S_0413", "2006-05-02", 45117),
    image("002_S_0413", "2008-05-02", 50000),
    image("002_S_0619", "2006-06-01", 60000),
    image("002_S_4799", "2012-06-04", 70001),
)


@pytest.fixture
def indexed(lay: Lay) -> Indexed:
    return index(lay(*IMAGES, texts={"ADNIMERGE.csv": ROWS, "ADNI1_Complete.csv": COLLECTION}))


def labels(indexed: Indexed, name: str) -> dict[str, float | str]:
    return next(dict(scan.labels) for scan in indexed.cohort.scans if scan.name == name)


def reason(indexed: Indexed, item: str) -> tuple[Verdict, str]:
    return next((entry.verdict, entry.reason) for entry in indexed.ledger.entries if entry.item == item)


def test_the_age_at_a_later_scan_is_the_age_at_baseline_and_the_years_since(indexed: Indexed) -> None:
    assert labels(indexed, "002_S_0413_2006-05-02")["age_years"] == pytest.approx(76.3 + 1 / 365.25, abs=1e-3)
    assert labels(indexed, "002_S_0413_2008-05-02")["age_years"] == pytest.approx(78.3, abs=0.01)


def test_the_diagnosis_is_that_of_the_nearest_visit(indexed: Indexed) -> None:
    assert labels(indexed, "002_S_0413_2006-05-02")["diagnosis"] == "CN"
    assert labels(indexed, "002_S_0413_2008-05-02")["diagnosis"] == "MCI"


def test_dementia_is_ad(indexed: Indexed) -> None:
    assert labels(indexed, "002_S_0619_2006-06-01")["diagnosis"] == "AD"


def test_an_empty_diagnosis_at_baseline_falls_back_to_that_of_enrolment(indexed: Indexed) -> None:
    assert labels(indexed, "002_S_4799_2012-06-04")["diagnosis"] == "MCI"


def test_mmse_education_and_sex_come_from_the_visit_and_the_person(indexed: Indexed) -> None:
    found = labels(indexed, "002_S_0413_2008-05-02")
    assert (found["mmse"], found["education_years"], found["sex"]) == (27.0, 16.0, "female")


def test_visits_of_one_person_are_one_subject(indexed: Indexed) -> None:
    assert [(scan.subject, scan.session) for scan in indexed.cohort.scans[:2]] == [
        ("002_S_0413", "bl"),
        ("002_S_0413", "m24"),
    ]


def test_the_notes_say_which_visits_and_how_diagnoses_were_read(indexed: Indexed) -> None:
    assert any("4 scans of 3 subjects; 3 are of the baseline visit" in n for n in indexed.notes)
    assert any("EMCI, LMCI and MCI as MCI" in note for note in indexed.notes)
    assert "Scans per diagnosis: AD 1, CN 1, MCI 2." in indexed.notes


def test_every_row_of_both_tables_stands_in_the_ledger_once(indexed: Indexed) -> None:
    rows = [entry.item for entry in indexed.ledger.entries if entry.kind == "row"]
    assert len(rows) == len(set(rows)) == 5 + 2
    assert reason(indexed, "ADNIMERGE.csv row 6") == (Verdict.SKIPPED, "No image that belongs to this row is here.")


def test_the_table_of_a_search_gives_age_sex_group_and_first_visits(lay: Lay) -> None:
    search = (
        '"Subject ID","Sex","Research Group","Visit","Study Date","Age","Modality","Description","Image ID"\n'
        '"002_S_0413","F","CN","ADNI Screening","5/02/2006","76.3","MRI","MPR; GradWarp","I45117"\n'
        '"002_S_4799","M","EMCI","ADNI2 Month 3 MRI-New Pt","6/04/2012","65.1","MRI","MPRAGE","70001"\n'
    )
    indexed = index(lay(*IMAGES, texts={"idaSearch_11_23_2026.csv": search}))
    assert labels(indexed, "002_S_0413_2006-05-02") == {"age_years": 76.3, "sex": "female", "diagnosis": "CN"}
    assert labels(indexed, "002_S_4799_2012-06-04")["diagnosis"] == "MCI"
    assert [scan.session for scan in indexed.cohort.scans] == ["sc", None, None, "ADNI2 Month 3 MRI-New Pt"]
    assert reason(indexed, "idaSearch_11_23_2026.csv row 2")[0] is Verdict.USED


def test_without_a_table_the_notes_say_so_and_nothing_of_diagnoses(lay: Lay) -> None:
    notes = index(lay(*IMAGES)).notes
    assert any("so there are no labels; --table names one" in note for note in notes)
    assert not any("diagnos" in note.lower() for note in notes)


def test_a_row_is_used_while_any_scan_that_it_gave_labels_to_is_and_skipped_with_the_last(lay: Lay) -> None:
    source = lay(*IMAGES, texts={"ADNIMERGE.csv": ROWS, "ADNI1_Complete.csv": COLLECTION})
    (source / IMAGES[0]).write_bytes(b"")  # whose baseline row also tells the age at the later scan
    indexed = index(source)
    left = (Verdict.SKIPPED, "Its scan 002_S_0413_2006-05-02 was left out.")
    assert reason(indexed, "ADNIMERGE.csv row 2")[0] is Verdict.USED
    assert reason(indexed, "ADNI1_Complete.csv row 2") == left
    (source / IMAGES[2]).write_bytes(b"")
    assert reason(index(source), "ADNIMERGE.csv row 4")[1] == "Its scan 002_S_0619_2006-06-01 was left out."


def test_without_adnimerge_the_collection_gives_age_sex_and_group(lay: Lay) -> None:
    indexed = index(lay(*IMAGES, texts={"collection.csv": COLLECTION}))
    assert labels(indexed, "002_S_4799_2012-06-04") == {"age_years": 65.0, "sex": "male", "diagnosis": "MCI"}
    assert any("ADNIMERGE was not found" in note for note in indexed.notes)


def test_an_image_number_is_found_with_and_without_its_letter(lay: Lay) -> None:
    indexed = index(lay(*IMAGES, texts={"collection.csv": COLLECTION}))
    assert labels(indexed, "002_S_0413_2006-05-02")["age_years"] == 76.0


def test_a_visit_more_than_half_a_year_away_gives_no_diagnosis(lay: Lay) -> None:
    indexed = index(lay(image("002_S_0413", "2007-05-02", 1), texts={"ADNIMERGE.csv": ROWS}))
    assert set(labels(indexed, "002_S_0413_2007-05-02")) == {"age_years", "sex", "education_years"}


@pytest.mark.parametrize("other", ["MPR-R__GradWarp__B1_Correction__N3__Scaled", f"{MPR}_2"])
def test_of_several_images_of_a_day_the_repeat_is_skipped(lay: Lay, other: str) -> None:
    repeat = image("002_S_0413", "2006-05-02", 1, other)
    indexed = index(lay(IMAGES[0], repeat))
    assert indexed.cohort.scans[0].images["T1w"] == Path(IMAGES[0])
    assert reason(indexed, repeat)[0] is Verdict.SKIPPED


@pytest.mark.parametrize("description", ["Axial_PD_T2_FSE", "MPR__GradWarp__Hippocampal_Mask", "B1-Calibration_Body"])
def test_what_is_no_t1w_head_is_skipped(lay: Lay, description: str) -> None:
    other = image("002_S_0413", "2006-05-02", 1, description)
    assert reason(index(lay(IMAGES[0], other)), other)[0] is Verdict.SKIPPED


def test_a_row_whose_images_were_not_taken_does_not_say_that_none_is_here(lay: Lay) -> None:
    skipped = image("099_S_9999", "2012-06-02", 80000, "Axial_T2-Star")
    indexed = index(lay(*IMAGES, skipped, texts={"ADNIMERGE.csv": ROWS}))
    verdict, why = reason(indexed, "ADNIMERGE.csv row 6")
    assert (verdict, why.partition(";")[0]) == (Verdict.SKIPPED, "Its images are here, but none was taken")


def test_an_image_without_a_day_in_its_path_is_refused(lay: Lay) -> None:
    lost = "ADNI/002_S_0413/T1.nii"
    assert reason(index(lay(IMAGES[0], lost)), lost)[0] is Verdict.REFUSED


def test_a_named_table_of_something_else_is_refused(lay: Lay, tmp_path: Path) -> None:
    source = lay(*IMAGES, texts={"../people.csv": "id\n1\n"})
    with pytest.raises(CohortError, match="neither ADNIMERGE"):
        index(source, table=tmp_path / "people.csv")


def test_the_notes_set_each_diagnosis_beside_table_2(lay: Lay, monkeypatch: pytest.MonkeyPatch) -> None:
    source = lay(*IMAGES, texts={"ADNIMERGE.csv": ROWS})
    few = "3 subjects: too few to set beside Table 2 of the paper, which has 1,540 (433 CN, 748 MCI, 359 AD)."
    assert few in index(source).notes
    monkeypatch.setattr(paper, "PART", 0)
    notes = index(source).notes
    assert (
        "CN at each subject's first scan: 1 (0 male), age 76.30 ± 0.00, education 16.00 ± 0.00, MMSE 29.00 ± 0.00. "
        "Table 2: 433 (214 male), age 74.76 ± 5.82, education 16.29 ± 2.72, MMSE 29.07 ± 1.12."
    ) in notes
    assert any("Table 2 has 1,540 subjects, here are 3, 0 of them without a diagnosis" in note for note in notes)


def test_the_baseline_visit_alone_is_taken_where_that_is_asked(lay: Lay) -> None:
    source = lay(*IMAGES, texts={"ADNIMERGE.csv": ROWS})
    assert [scan.session for scan in index(source, where=["session=bl,sc"]).cohort.scans] == ["bl", "bl", "bl"]


def write_adni_series(source: Path, subject: str, day: str, number: int, **tags: Any) -> None:
    """Write a series as ADNI hands it out, `<subject>/<description>/<day>/I<number>/ADNI_..._I<number>.dcm`."""
    description, written = str(tags.get("SeriesDescription", "MP-RAGE")), day.replace("-", "")
    folder = source / "ADNI" / subject / description / f"{day}_08_50_11.0" / f"I{number}"
    tags = {**MPRAGE, "SeriesDescription": description, "PatientID": subject, "StudyDate": written, **tags}
    tags["PixelData"] = np.random.default_rng(number).integers(0, 200, SIDES[:2]).astype(np.uint16).tobytes()
    write_series(folder, tags, study=f"1.{int(subject[-4:])}.{written}")
    for place, path in enumerate(sorted(folder.iterdir())):
        path.rename(folder / f"ADNI_{subject}_MR_{description}__br_raw_20060502115331858_{place}_S1_I{number}.dcm")


@pytest.fixture(scope="module")
def dicom(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A baseline scan with its repeat and a T2, one two years later, and somebody whom no table knows."""
    source = tmp_path_factory.mktemp("adni") / "download"
    write_adni_series(source, "002_S_0413", "2006-05-02", 13893)
    write_adni_series(source, "002_S_0413", "2006-05-02", 13894, SeriesDescription="MP-RAGE_REPEAT", SeriesNumber=5)
    write_adni_series(source, "002_S_0413", "2006-05-02", 13895, **{**T2, "SeriesDescription": "Axial_PD_T2_FSE"})
    write_adni_series(source, "002_S_0413", "2008-05-02", 13896, PatientAge="076Y")
    write_adni_series(source, "123_S_0001", "2010-01-01", 13897, PatientAge="061Y")
    (source / "ADNIMERGE.csv").write_text(ROWS)
    (source / "ADNI1_Complete.csv").write_text(COLLECTION.replace("45117", "13893"))
    return source


def test_dicom_series_get_the_age_at_their_day_and_the_diagnosis_of_their_visit(dicom: Path, tmp_path: Path) -> None:
    indexed = index(dicom, tmp_path / "cohort")
    assert indexed.cohort.name == "ADNI"
    assert [(scan.name, scan.subject, scan.session) for scan in indexed.cohort.scans] == [
        ("002_S_0413_2006-05-02", "002_S_0413", "bl"),
        ("002_S_0413_2008-05-02", "002_S_0413", "m24"),
        ("123_S_0001_2010-01-01", "123_S_0001", "2010-01-01"),
    ]
    assert labels(indexed, "002_S_0413_2006-05-02")["diagnosis"] == "CN"
    later = labels(indexed, "002_S_0413_2008-05-02")
    assert (later["age_years"], later["diagnosis"], later["mmse"]) == (pytest.approx(78.3, abs=0.01), "MCI", 27.0)
    assert labels(indexed, "123_S_0001_2010-01-01") == {"age_years": 61.0, "sex": "female"}
    assert (tmp_path / "cohort" / "images" / "002_S_0413_2008-05-02_T1w.nii.gz").is_file()


def test_every_series_and_every_row_of_a_dicom_download_stands_in_the_ledger(dicom: Path) -> None:
    indexed = index(dicom)
    items = [entry.item for entry in indexed.ledger.entries]
    assert len(items) == len(set(items))
    assert len([item for item in items if " (series " in item]) == 5
    assert len([entry for entry in indexed.ledger.entries if entry.kind == "row"]) == 5 + 2
    assert reason(indexed, "ADNI1_Complete.csv row 2")[0] is Verdict.USED
    assert reason(indexed, "002_S_0413_2006-05-02")[1].endswith("Indexed with labels.")
    repeat = next(item for item in items if "REPEAT" in item)
    assert reason(indexed, repeat)[0] is Verdict.SKIPPED
    assert any("3 scans of 2 subjects; 1 is of the baseline visit" in note for note in indexed.notes)


def test_nifti_beside_dicom_is_read_and_the_dicom_is_not_passed_over_in_silence(lay: Lay) -> None:
    indexed = index(lay(*IMAGES, texts={"ADNI/002_S_0413/MP-RAGE/2006-05-02_08_50_11.0/I1/ADNI_I1.dcm": "x"}))
    assert any("--layout adni-dicom reads these" in note for note in indexed.notes)
