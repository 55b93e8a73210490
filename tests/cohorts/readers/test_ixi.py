import io
from pathlib import Path

import pandas as pd
import pytest

from medical_transformer.cohorts import Cohort, Indexed, Verdict, index, paper
from medical_transformer.cohorts.readers import ixi
from medical_transformer.errors import CohortError

from .conftest import Lay

HEADER = (
    'IXI_ID,"SEX_ID (1=m, 2=f)",HEIGHT,WEIGHT,ETHNIC_ID,MARITAL_ID,OCCUPATION_ID,QUALIFICATION_ID,DOB,'
    "DATE_AVAILABLE,STUDY_DATE,AGE\n"
)
# The rows of the real table, one for each of its defects.
TABLE = HEADER + (
    "2,2,164,58,1,4,1,5,1970-01-30,1,2005-11-18,35.800136892539356\n"
    "12,1,175,70,1,2,1,5,1966-08-20,1,2005-06-01,38.78165639972622\n"
    "219,2,170,104,1,2,1,4,1953-02-08,1,2006-03-10,53.08145106091718\n"
    "219,2,164,73,1,4,1,5,1948-02-12 00:00:00,1,2006-03-10,58.072553045859\n"
    "251,2,167,74,1,5,5,1,1926-06-28,1,2006-08-29,80.16974674880219\n"
    "251,2,0,0,0,0,0,0,1926-06-28,1,2006-08-29,80.16974674880219\n"
    "328,2,155,70,1,2,5,3,1944-11-03,1,2006-08-17,61.78507871321013\n"
    "328,1,0,0,0,0,0,0,1944-07-17,1,2006-08-17,62.08350444900753\n"
    "435,1,165,70,1,5,5,4,,1,2006-07-10,\n"
    "560,1,1850,80,1,1,5,3,1942-10-29,1,2006-09-11,63.86858316221766\n"
    ",,,,,,,,,,,\n"
)
NAMES = (
    "IXI002-Guys-0828",
    "IXI012-HH-1211",
    "IXI219-Guys-0894",
    "IXI251-Guys-0980",
    "IXI328-HH-2295",
    "IXI435-IOP-1041",
    "IXI560-Guys-1155",
    "IXI637-HH-2785",
)


def images(folder: str = "IXI-T1/", kind: str = "T1") -> list[str]:
    return [f"{folder}{name}-{kind}.nii.gz" for name in NAMES]


@pytest.fixture
def indexed(lay: Lay) -> Indexed:
    return index(lay(*images(), texts={"IXI.csv": TABLE}))


def labels(indexed: Indexed, name: str) -> dict[str, float | str]:
    return next(dict(scan.labels) for scan in indexed.cohort.scans if scan.name == name)


def reason(indexed: Indexed, item: str) -> tuple[Verdict, str]:
    return next((entry.verdict, entry.reason) for entry in indexed.ledger.entries if entry.item == item)


def test_subject_site_and_name_come_from_the_file_name(indexed: Indexed) -> None:
    scan = indexed.cohort.scans[1]
    assert (scan.subject, scan.site, scan.name) == ("IXI012", "HH", "IXI012-HH-1211")


def test_age_and_sex_come_from_the_table(indexed: Indexed) -> None:
    assert labels(indexed, "IXI002-Guys-0828") == {
        "age_years": 35.800136892539356,
        "sex": "female",
        "height_cm": 164.0,
        "weight_kg": 58.0,
    }


def test_one_is_male_and_two_is_female(indexed: Indexed) -> None:
    assert labels(indexed, "IXI012-HH-1211")["sex"] == "male"
    assert labels(indexed, "IXI002-Guys-0828")["sex"] == "female"


def test_rows_that_disagree_on_the_age_give_none_but_the_sex_they_agree_on(indexed: Indexed) -> None:
    assert labels(indexed, "IXI219-Guys-0894") == {"sex": "female"}


def test_rows_that_disagree_on_age_and_sex_give_neither(indexed: Indexed) -> None:
    assert labels(indexed, "IXI328-HH-2295") == {"height_cm": 155.0, "weight_kg": 70.0}


def test_the_ledger_says_on_what_two_rows_disagree(indexed: Indexed) -> None:
    verdict, why = reason(indexed, "IXI.csv row 8")
    assert verdict is Verdict.USED
    assert why == "Contradicts row 9 on age_years, sex, now left out."


def test_a_row_that_repeats_another_is_collapsed_and_said(indexed: Indexed) -> None:
    assert labels(indexed, "IXI251-Guys-0980")["height_cm"] == 167.0
    assert reason(indexed, "IXI.csv row 7") == (
        Verdict.SKIPPED,
        "Repeats row 6 without contradicting it. Its height_cm '0' was left out: not between 50 and 230; "
        "weight_kg '0' was left out: not between 3 and 300.",
    )


def test_an_absurd_height_is_left_out(indexed: Indexed) -> None:
    assert "height_cm" not in labels(indexed, "IXI560-Guys-1155")


def test_an_empty_age_is_absent(indexed: Indexed) -> None:
    assert "age_years" not in labels(indexed, "IXI435-IOP-1041")


def test_a_scan_without_a_row_is_kept_without_labels(indexed: Indexed) -> None:
    assert labels(indexed, "IXI637-HH-2785") == {}
    assert reason(indexed, "IXI637-HH-2785")[1] == "Kept without labels: no table has a row for it."


def test_a_row_without_a_scan_is_skipped(lay: Lay) -> None:
    indexed = index(lay(images()[1], texts={"IXI.csv": TABLE}))
    assert reason(indexed, "IXI.csv row 2") == (Verdict.SKIPPED, "No image that belongs to this row is here.")


def test_every_row_stands_in_the_ledger_once(indexed: Indexed) -> None:
    rows = [entry.item for entry in indexed.ledger.entries if entry.kind == "row"]
    assert rows == [f"IXI.csv row {number}" for number in range(2, 13)]


def test_scans_without_an_age_are_named_in_the_notes(indexed: Indexed) -> None:
    note = next(note for note in indexed.notes if "without age_years" in note)
    assert "IXI219-Guys-0894, IXI328-HH-2295, IXI435-IOP-1041, IXI637-HH-2785" in note


def test_a_handful_of_scans_is_called_a_small_part_of_the_papers_cohort(indexed: Indexed) -> None:
    said = "A small part of IXI as the paper used it for pre-training: 8 of 566 scans, and 1,783 with "
    assert f"{said}653 of Cam-CAN and 564 of ABIDE." in indexed.notes
    assert not any("fewer" in note or "hospital" in note for note in indexed.notes)


def test_a_larger_cohort_is_compared_with_the_paper_number_by_number(lay: Lay, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paper, "PART", 0)
    notes = index(lay(*images(), texts={"IXI.csv": TABLE})).notes
    assert any("8 scans of IXI; the paper used 566 (with 653 of Cam-CAN and 564" in note for note in notes)
    assert any("Guys 4, HH 3, IOP 1; if a hospital is short" in note for note in notes)


@pytest.mark.parametrize("place", ["IXI.csv", "IXI-T1/IXI.csv", "tables/IXI.csv", "../IXI.csv"])
def test_the_table_is_found_inside_beside_and_above(lay: Lay, place: str) -> None:
    assert labels(index(lay(*images(), texts={place: TABLE})), "IXI012-HH-1211")["sex"] == "male"


OTHER = TABLE.replace("12,1,175,70", "12,2,175,70")


@pytest.mark.parametrize(
    ("source", "other", "item"),
    [
        ("mine", "disk/IXI.csv", "../disk/IXI.csv"),
        ("mine", "disk/IXI-T1/IXI.csv", "IXI-T1/IXI.csv"),
        ("mine", "IXI.csv", "../IXI.csv"),
        ("mine/IXI-T1", "disk/IXI.csv", "../IXI.csv"),
    ],
)
def test_the_table_nearest_to_the_source_as_it_was_named_is_read_and_others_are_told(
    lay: Lay, source: str, other: str, item: str
) -> None:
    folder = lay(*images("disk/IXI-T1/"), texts={"mine/IXI.csv": TABLE, other: OTHER})
    (folder / "mine" / "IXI-T1").symlink_to(folder / "disk" / "IXI-T1")
    indexed = index(folder / source)
    taken = "IXI.csv" if source == "mine" else "../../mine/IXI.csv"
    assert labels(indexed, "IXI012-HH-1211")["sex"] == "male"
    assert reason(indexed, taken) == (Verdict.USED, "The table of labels, 11 rows.")
    why = f"{taken} is nearer to the source; name this one with --table to have it read instead."
    assert reason(indexed, item) == (Verdict.SKIPPED, f"Not used: {why}")
    assert f"{item} is not used: {why}" in indexed.notes


def test_a_table_that_a_link_leads_to_is_met_once(lay: Lay) -> None:
    folder = lay(*images("disk/IXI-T1/"), texts={"disk/IXI.csv": TABLE})
    (folder / "mine").mkdir()
    for name in ("IXI-T1", "IXI.csv"):
        (folder / "mine" / name).symlink_to(folder / "disk" / name)
    tables = [entry.item for entry in index(folder / "mine").ledger.entries if entry.item.endswith("IXI.csv")]
    assert tables == ["IXI.csv"]


def test_of_two_tables_in_one_folder_the_csv_is_read_and_the_other_told(lay: Lay) -> None:
    indexed = index(lay(*images(), texts={"IXI.csv": TABLE, "IXI.xls": ""}))
    assert "IXI.csv comes before it in the same folder" in reason(indexed, "IXI.xls")[1]


def test_a_table_elsewhere_can_be_named(lay: Lay, tmp_path: Path) -> None:
    source = lay(*images(), texts={"../elsewhere/people.csv": TABLE})
    indexed = index(source, table=tmp_path / "elsewhere" / "people.csv")
    assert indexed.cohort.scans[0].source == "people.csv row 2"


def test_without_a_table_scans_are_kept_and_the_notes_say_so(lay: Lay) -> None:
    indexed = index(lay(*images()))
    assert not any(scan.labels for scan in indexed.cohort.scans)
    assert any("No table found" in note for note in indexed.notes)


def test_a_table_of_something_else_is_refused(lay: Lay) -> None:
    with pytest.raises(CohortError, match="no column 'IXI_ID'"):
        index(lay(*images(), texts={"IXI.csv": "id,age\n1,2\n"}))


@pytest.mark.parametrize("folder", ["", "IXI-T1"])
def test_label_maps_beside_the_images_become_segmentations(lay: Lay, folder: str) -> None:
    source = lay(*images(), *images("DLMUSE/", "DLMUSE")) / folder
    cohort = index(source).cohort
    for scan in cohort.scans:
        assert scan.segmentation is not None
        assert (cohort.root / scan.segmentation).resolve().name == f"{scan.name}-DLMUSE.nii.gz"


def test_label_maps_beside_a_link_become_segmentations(lay: Lay) -> None:
    source = lay(*images("disk/IXI-T1/"), *images("mine/DLMUSE/", "DLMUSE")) / "mine" / "IXI-T1"
    source.symlink_to(source.parents[1] / "disk" / "IXI-T1")
    cohort = index(source).cohort
    assert all((cohort.root / (scan.segmentation or "missing")).is_file() for scan in cohort.scans)


def test_a_label_map_without_its_image_is_skipped(lay: Lay) -> None:
    indexed = index(lay(images()[0], *images("DLMUSE/", "DLMUSE")))
    assert reason(indexed, f"DLMUSE/{NAMES[1]}-DLMUSE.nii.gz")[0] is Verdict.SKIPPED


def test_images_of_another_kind_are_skipped_by_name(lay: Lay) -> None:
    indexed = index(lay(*images(), f"IXI-T2/{NAMES[0]}-T2.nii.gz", f"DTI/{NAMES[0]}-DTI-00.nii.gz"))
    assert "An image of the kind T2;" in reason(indexed, f"IXI-T2/{NAMES[0]}-T2.nii.gz")[1]
    assert "An image of the kind DTI-00;" in reason(indexed, f"DTI/{NAMES[0]}-DTI-00.nii.gz")[1]


def test_a_scan_that_lies_in_two_folders_is_taken_once(lay: Lay) -> None:
    indexed = index(lay(*images("a/"), f"b/{NAMES[0]}-T1.nii.gz"))
    assert len(indexed.cohort) == len(NAMES)
    assert "The same scan as a/" in reason(indexed, f"b/{NAMES[0]}-T1.nii.gz")[1]


@pytest.mark.real
def test_all_145_real_scans_are_accounted_for(real: Path, tmp_path: Path) -> None:
    indexed = index(real / "ixi", tmp_path)
    assert len(indexed.cohort) == 145
    assert all(scan.segmentation for scan in indexed.cohort.scans)
    assert indexed.ledger.counts("file") == {Verdict.USED: 291}
    assert sum(indexed.ledger.counts("row").values()) == 579
    assert Cohort.load(tmp_path).scans == indexed.cohort.scans


@pytest.mark.real
def test_the_five_real_scans_without_an_age_are_named(real: Path) -> None:
    indexed = index(real / "ixi" / "IXI-T1")
    without = {scan.subject for scan in indexed.cohort.scans if "age_years" not in scan.labels}
    assert without == {"IXI328", "IXI637", "IXI638", "IXI643", "IXI661"}
    assert all(any(subject in note for note in indexed.notes) for subject in without)
    assert all(ixi.FILE.match(path.name) for scan in indexed.cohort.scans for path in scan.images.values())


@pytest.mark.real
@pytest.mark.parametrize("subject", ["IXI219", "IXI328"])
def test_the_real_rows_that_contradict_each_other_are_named(real: Path, subject: str) -> None:
    indexed = index(real / "ixi")
    rows = [entry for entry in indexed.ledger.entries if entry.kind == "row" and entry.subject == subject]
    assert len(rows) == 2
    assert all("Contradicts row" in entry.reason for entry in rows)


def test_the_spreadsheet_itself_is_read_by_its_sheet_table(lay: Lay) -> None:
    """The real book has six sheets and keeps `IXI_ID` as a number."""
    source = lay(*images())
    with pd.ExcelWriter(source / "IXI.xlsx") as book:
        pd.DataFrame({"ID": [1], "ETHNIC": ["White"]}).to_excel(book, sheet_name="Ethnicity", index=False)
        pd.read_csv(io.StringIO(TABLE)).to_excel(book, sheet_name="Table", index=False)
    scan, *_, last = index(source).cohort.scans
    assert (scan.labels["age_years"], scan.labels["sex"]) == (pytest.approx(35.800136892539356), "female")
    assert scan.source == "IXI.xlsx row 2"
    assert last.labels == {}
