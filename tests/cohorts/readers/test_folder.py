from pathlib import Path

import pytest

from medical_transformer.cohorts import Indexed, Verdict, index
from medical_transformer.errors import CohortError

from .conftest import Lay


def shown(indexed: Indexed) -> dict[str, dict[str, str]]:
    return {
        scan.name: {modality: path.as_posix() for modality, path in scan.images.items()}
        for scan in indexed.cohort.scans
    }


def labels(indexed: Indexed) -> dict[str, dict[str, float | str]]:
    return {scan.name: dict(scan.labels) for scan in indexed.cohort.scans}


def reason(indexed: Indexed, item: str) -> tuple[Verdict, str]:
    return next((entry.verdict, entry.reason) for entry in indexed.ledger.entries if entry.item == item)


def test_files_that_say_nothing_are_t1w_scans_of_their_own(lay: Lay) -> None:
    indexed = index(lay("anna.nii.gz", "bert.nii"))
    assert shown(indexed) == {"anna": {"T1w": "anna.nii.gz"}, "bert": {"T1w": "bert.nii"}}
    assert any("anna.nii.gz, bert.nii" in note and "T1w" in note for note in indexed.notes)


@pytest.mark.parametrize("pattern", ["001_{}.nii.gz", "001/{}.nii.gz", "{}_001.nii", "001.{}.nii"])
def test_modalities_are_read_from_the_names(lay: Lay, pattern: str) -> None:
    indexed = index(lay(*(pattern.format(word) for word in ("FLAIR", "t1ce", "T1", "t2w", "seg"))))
    assert list(shown(indexed)["001"]) == ["T1w", "T1ce", "T2w", "FLAIR"]
    assert indexed.cohort.scans[0].segmentation == Path(pattern.format("seg"))


def test_modalities_are_read_from_the_folders_where_names_say_nothing(lay: Lay) -> None:
    indexed = index(lay("T1/001.nii", "FLAIR/001.nii", "masks/001.nii"))
    assert shown(indexed) == {"001": {"T1w": "T1/001.nii", "FLAIR": "FLAIR/001.nii"}}
    assert indexed.cohort.scans[0].segmentation == Path("masks/001.nii")


def test_a_lesion_mask_is_a_map_and_a_brain_mask_is_not(lay: Lay) -> None:
    indexed = index(lay("a_T1.nii", "a_lesion_mask.nii", "a_brain_mask.nii"))
    assert indexed.cohort.scans[0].segmentation == Path("a_lesion_mask.nii")
    assert reason(indexed, "a_brain_mask.nii")[1] == "A brain mask; preparation makes its own."


def test_a_map_without_an_image_is_skipped(lay: Lay) -> None:
    assert reason(index(lay("a.nii", "b_seg.nii")), "b_seg.nii")[0] is Verdict.SKIPPED


@pytest.mark.parametrize("cells", [("p1.nii.gz", "p9.nii.gz"), ("data/p1.nii.gz", "data/p9.nii.gz"), ("p1", "p9")])
def test_a_row_without_its_image_belongs_to_whom_the_image_would_be_of(lay: Lay, cells: tuple[str, str]) -> None:
    indexed = index(lay("p1.nii.gz", texts={"table.csv": "file,age\n" + "".join(f"{cell},40\n" for cell in cells)}))
    rows = [entry for entry in indexed.ledger.entries if entry.kind == "row"]
    assert [(row.subject, row.verdict) for row in rows] == [("p1", Verdict.USED), ("p9", Verdict.SKIPPED)]


def test_rows_of_images_that_are_not_here_are_not_mixed_up(lay: Lay) -> None:
    table = "file,age\np1.nii.gz,40\nA/p9.nii.gz,50\nB/p9.nii.gz,60\np1_T2.nii.gz,70\n"
    indexed = index(lay("p1.nii.gz", texts={"table.csv": table}))
    subjects = [row.subject for row in indexed.ledger.entries if row.kind == "row"]
    assert subjects == ["p1", "A/p9.nii.gz", "B/p9.nii.gz", "p1_T2.nii.gz"]
    assert labels(indexed) == {"p1": {"age_years": 40.0}}


def test_the_same_name_in_two_folders_is_two_scans(lay: Lay) -> None:
    assert set(shown(index(lay("A/001.nii", "B/001.nii")))) == {"A-001", "B-001"}


def test_names_that_cannot_name_a_file_are_made_so(lay: Lay) -> None:
    assert set(shown(index(lay("Jörg  Müller (2).nii", "—.nii")))) == {"J-rg-M-ller-2", "data"}


def test_a_second_image_of_a_modality_is_skipped_by_name(lay: Lay) -> None:
    indexed = index(lay("a_T1.nii", "a_T1w.nii"))
    assert len(indexed.cohort) == 1
    assert reason(indexed, "a_T1w.nii") == (Verdict.SKIPPED, "A second T1w of a by its name; a_T1.nii was taken.")


@pytest.mark.parametrize(
    ("cell", "way"),
    [
        ("p07_T1.nii.gz", "the file name"),
        ("/old/disk/p07_T1.nii.gz", "the file name"),
        ("P07_t1", "the file name without its ending"),
        ("p07", "the scan's name"),
        ("007", "the number in the scan's name"),
        ("7.0", "the number in the scan's name"),
    ],
)
def test_the_column_that_names_the_scans_is_found_and_said(lay: Lay, cell: str, way: str) -> None:
    table = f"patient_id,AGE ,Gender,weight\nx,20,f,1\n{cell},35.5,M,70\n"
    indexed = index(lay("p07_T1.nii.gz", "p08_T1.nii.gz", texts={"people.csv": table}))
    assert labels(indexed)["p07"] == {"age_years": 35.5, "sex": "male", "weight": 70.0}
    assert any(f"The column 'patient_id' of people.csv holds {way}: it names 1 of 2 scans." in n for n in indexed.notes)


def test_an_age_is_not_mistaken_for_the_number_of_a_scan(lay: Lay) -> None:
    images = [f"scan{number}.nii" for number in (20, 30, 40)]
    indexed = index(lay(*images, texts={"people.csv": "age,id\n20,40\n30,20\n40,30\n"}))
    assert labels(indexed)["scan40"] == {"age_years": 20.0}


def test_a_number_that_two_scans_have_matches_neither(lay: Lay) -> None:
    indexed = index(lay("a7.nii", "b7.nii", "c8.nii", texts={"people.csv": "id,age\n7,30\n8,40\n"}))
    assert labels(indexed) == {"a7": {}, "b7": {}, "c8": {"age_years": 40.0}}


@pytest.mark.parametrize("column", ["subject", "Patient ID", "Participant-ID"])
def test_scans_of_one_subject_stay_one_subject(lay: Lay, column: str) -> None:
    table = f"file,{column},age\na.nii,anna,30\nb.nii,anna,31\nc.nii,carl,40\n"
    indexed = index(lay("a.nii", "b.nii", "c.nii", texts={"people.csv": table}))
    assert indexed.cohort.subjects == ("anna", "carl")


def test_without_a_column_of_subjects_the_notes_warn_of_leaking(lay: Lay) -> None:
    assert any("subject of its own" in note for note in index(lay("a.nii", "b.nii")).notes)


def test_rows_that_contradict_each_other_give_only_what_they_agree_on(lay: Lay) -> None:
    table = "file;age;sex\na.nii;30,5;f\na.nii;31,5;f\n"
    indexed = index(lay("a.nii", texts={"people.csv": table}))
    assert labels(indexed) == {"a": {"sex": "female"}}
    assert "Contradicts row 3 on age_years" in reason(indexed, "people.csv row 2")[1]


def test_of_three_rows_only_those_that_differ_contradict_each_other(lay: Lay) -> None:
    table = "file,age,sex\na.nii,30,f\na.nii,30,\na.nii,31,f\na.nii,,m\na.nii,,\n"
    indexed = index(lay("a.nii", texts={"people.csv": table}))
    assert [reason(indexed, f"people.csv row {number}")[1] for number in range(2, 7)] == [
        "Contradicts row 4, 5 on age_years, sex, now left out.",
        "Contradicts row 4 on age_years, now left out.",
        "Contradicts row 2, 3, 5 on age_years, sex, now left out.",
        "Contradicts row 2, 4 on sex, now left out.",
        "Merged with row 2, 3, 4, 5.",
    ]


def test_of_two_tables_the_one_that_names_more_scans_is_used(lay: Lay) -> None:
    texts = {"a.csv": "file,age\na.nii,1\n", "b.tsv": "file\tage\na.nii\t2\nb.nii\t3\n"}
    indexed = index(lay("a.nii", "b.nii", texts=texts))
    assert labels(indexed) == {"a": {"age_years": 2.0}, "b": {"age_years": 3.0}}
    assert reason(indexed, "a.csv")[0] is Verdict.SKIPPED


def test_a_named_table_that_names_no_scan_is_refused_with_both_sides_shown(lay: Lay, tmp_path: Path) -> None:
    source = lay("anna.nii", texts={"../people.csv": "id,age\nbert,30\n"})
    with pytest.raises(CohortError, match=r"the scans are called anna, the first row says id=bert"):
        index(source, table=tmp_path / "people.csv")


@pytest.mark.real
@pytest.mark.parametrize("folder", ["ms", "ms/patient07"])
def test_the_real_ms_patient_has_four_modalities_and_a_map(real: Path, folder: str) -> None:
    (scan,) = index(real / folder).cohort.scans
    names = {modality: path.name for modality, path in scan.images.items()}
    assert scan.name == "patient07"
    assert names == {"T1w": "T1.nii.gz", "T1ce": "T1POST.nii.gz", "T2w": "T2.nii.gz", "FLAIR": "FLAIR.nii.gz"}
    assert scan.segmentation is not None
    assert scan.segmentation.name == "lesions.nii.gz"


def test_a_damaged_table_that_nobody_named_is_refused_and_stops_nothing(lay: Lay) -> None:
    source = lay("a_T1w.nii", texts={"t.csv": "id,age\na,20\n"})
    (source / "broken.csv").write_bytes(bytes(50))
    indexed = index(source)
    assert indexed.cohort.scans[0].labels == {"age_years": 20.0}
    assert [entry.item for entry in indexed.ledger.of(Verdict.REFUSED)] == ["broken.csv"]


def test_ages_with_a_decimal_comma_are_read_from_a_table_with_commas(lay: Lay) -> None:
    table = '\ufeffid,age,income\na,"23,5","1,234"\n'
    (scan,) = index(lay("a_T1w.nii", texts={"t.csv": table})).cohort.scans
    assert scan.labels == {"age_years": 23.5, "income": "1,234"}


def test_names_in_capitals_and_with_spaces_and_umlauts_are_read(lay: Lay) -> None:
    images = ("A_T1W.nii", "Jörg Müller T1.nii", "Jürgen Müller T1.nii")
    source = lay(*images, texts={"t.csv": "file,age\nJürgen Müller T1.nii,20\n"})
    (source / "A_T1W.nii").rename(source / "A_T1W.NII")
    found = {scan.name: dict(scan.labels) for scan in index(source).cohort.scans}
    assert found == {"A": {}, "J-rg-M-ller": {}, "J-rgen-M-ller": {"age_years": 20.0}}


TABLE = "file,subject,age\nf1,ann,40\nf2,ann,50\nf3,bob,40\nf4,cid,60\n"


def rows(indexed: Indexed) -> list[tuple[str, Verdict]]:
    return [(entry.subject, entry.verdict) for entry in indexed.ledger.entries if entry.kind == "row"]


def test_a_row_whose_scan_was_left_out_is_skipped_though_its_subject_keeps_another_scan(lay: Lay) -> None:
    source = lay("f1.nii", "f2.nii", "f3.nii", "f4.nii", texts={"table.csv": TABLE})
    verdicts = rows(index(source, where=["age_years>45"]))
    used, skipped = Verdict.USED, Verdict.SKIPPED
    assert verdicts == [("ann", skipped), ("ann", used), ("bob", skipped), ("cid", used)]


def test_a_row_whose_scan_is_damaged_is_skipped(lay: Lay) -> None:
    source = lay("f1.nii", "f2.nii", texts={"table.csv": TABLE})
    (source / "f2.nii").write_bytes(b"")
    indexed = index(source)
    assert rows(indexed)[:2] == [("ann", Verdict.USED), ("ann", Verdict.SKIPPED)]
    assert reason(indexed, "table.csv row 3")[1] == "Its scan f2 was left out."


def test_cells_that_are_no_labels_stand_in_the_ledger_and_in_a_note_per_column(lay: Lay) -> None:
    rows = ("P1,44,M,29", "P2,-5,F,30", "P3,999,M,27", "P4,030Y,F,26", "P5,30 years,x,2O", "P6,old,?,28")
    names = [f"{row[:2]}.nii.gz" for row in rows]
    indexed = index(lay(*names, texts={"labels.csv": "\n".join(("ID,Age,Sex,MMSE", *rows)) + "\n"}))
    ages = {name: one.get("age_years") for name, one in labels(indexed).items()}
    assert ages == {"P1": 44.0, "P2": None, "P3": None, "P4": 30.0, "P5": 30.0, "P6": None}
    assert reason(indexed, "labels.csv row 2")[1] == "Gave age_years, sex, mmse."
    assert (
        reason(indexed, "labels.csv row 3")[1] == "Gave sex, mmse; age_years '-5' was left out: not between 0 and 120."
    )
    assert reason(indexed, "labels.csv row 7")[1] == (
        "Gave mmse; age_years 'old' was left out: no number of years; sex '?' was left out: neither female nor male."
    )
    for note in (
        "labels.csv, Age: 2 of the table's 6 cells left out ('-5', '999'), not between 0 and 120.",
        "labels.csv, Age: 1 of the table's 6 cells left out ('old'), no number of years.",
        "labels.csv, Sex: 2 of the table's 6 cells left out ('x', '?'), neither female nor male.",
        "labels.csv, MMSE: read as text and not as numbers, because 1 of the table's 6 cells is no number ('2O'); "
        "mend or empty what is a slip.",
    ):
        assert note in indexed.notes


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_commas_semicolons_and_tabs_part_the_cells_of_a_table(lay: Lay, separator: str) -> None:
    table = "file,age,sex\na.nii,30,f\nb.nii,41,m\n".replace(",", separator)
    assert labels(index(lay("a.nii", "b.nii", texts={"people.csv": table})))["b"] == {"age_years": 41.0, "sex": "male"}


def test_a_table_that_is_not_used_is_named_with_what_was_found_and_what_to_do(lay: Lay) -> None:
    tables = {"good.csv": "id,age\na,30\nb,40\n", "half.csv": "id,sex\na,f\n", "bars.csv": "id|age\na|30\n"}
    bars = (
        "no column names a scan; the scans are called a, b, the first row says id|age=a|30. "
        "Part its cells by commas, semicolons or tabs, and add a column with the file names."
    )
    half = "good.csv names as many scans or more; join the tables, or name this one with --table."
    indexed = index(lay("a.nii", "b.nii", texts=tables))
    assert f"bars.csv is not used: {bars}" in indexed.notes
    assert f"half.csv is not used: {half}" in indexed.notes
    assert reason(indexed, "bars.csv") == (Verdict.SKIPPED, f"Not used: {bars}")
    assert not any("good.csv is not used" in note for note in indexed.notes)


def test_of_many_tables_that_are_not_used_only_the_first_have_notes(lay: Lay) -> None:
    tables = {f"stats{number:02}.csv": "region,ml\nthalamus,7\n" for number in range(30)}
    indexed = index(lay("a.nii", texts=tables))
    assert sum("is not used" in note for note in indexed.notes) == 5
    assert reason(indexed, "stats29.csv") == (Verdict.SKIPPED, "A table that this layout does not use.")
