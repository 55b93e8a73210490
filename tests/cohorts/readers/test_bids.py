import json

import pytest

from medical_transformer.cohorts import Indexed, Verdict, index
from medical_transformer.errors import CohortError

from .conftest import Lay

PEOPLE = (
    "participant_id\tage\tsex\thandedness\tiq\tsite\nsub-01\t35.5\tF\tright\t101\tBonn\nsub-02\t89+\tM\tn/a\t99\tKiel\n"
)


def labels(indexed: Indexed, name: str) -> dict[str, float | str]:
    return next(dict(scan.labels) for scan in indexed.cohort.scans if scan.name == name)


def reason(indexed: Indexed, item: str) -> tuple[Verdict, str]:
    return next((entry.verdict, entry.reason) for entry in indexed.ledger.entries if entry.item == item)


def two(lay: Lay, people: str, **others: str) -> Indexed:
    images = [f"sub-{number}/anat/sub-{number}_T1w.nii.gz" for number in ("01", "02")]
    texts = {"participants.tsv": people} | {name.replace("_json", ".json"): text for name, text in others.items()}
    return index(lay(*images, texts=texts))


def test_every_column_becomes_a_label_and_site_the_site(lay: Lay) -> None:
    indexed = two(lay, PEOPLE)
    assert labels(indexed, "sub-01") == {"age_years": 35.5, "sex": "female", "handedness": "right", "iq": 101.0}
    assert [scan.site for scan in indexed.cohort.scans] == ["Bonn", "Kiel"]


def test_an_age_that_is_no_number_is_left_out_and_named(lay: Lay) -> None:
    indexed = two(lay, PEOPLE)
    assert "age_years" not in labels(indexed, "sub-02")
    assert "1 scan without age_years: sub-02." in indexed.notes


@pytest.mark.parametrize("identifier", ["sub-01", "01", "1"])
def test_an_identifier_is_found_however_it_is_written(lay: Lay, identifier: str) -> None:
    assert labels(two(lay, f"participant_id\tage\n{identifier}\t40\n"), "sub-01") == {"age_years": 40.0}


def test_codes_for_the_sexes_are_read_from_the_description(lay: Lay) -> None:
    about = json.dumps({"gender": {"Levels": {"1": "Male", "2": "Female"}}})
    indexed = two(lay, "participant_id\tgender\nsub-01\t2\nsub-02\t1\n", participants_json=about)
    assert [scan.labels["sex"] for scan in indexed.cohort.scans] == ["female", "male"]


def test_codes_that_nothing_explains_are_not_taken_for_sexes(lay: Lay) -> None:
    assert labels(two(lay, "participant_id\tsex\nsub-01\t2\nsub-02\t1\n"), "sub-01") == {"sex_code": 2.0}


def test_a_column_named_like_one_of_the_cohorts_table_gets_another_name(lay: Lay) -> None:
    assert labels(two(lay, "participant_id\tsource\nsub-01\tclinic\n"), "sub-01") == {"source_column": "clinic"}


def test_each_session_is_a_scan_of_the_same_subject(lay: Lay) -> None:
    cohort = index(lay(*(f"sub-01/ses-{n}/anat/sub-01_ses-{n}_T1w.nii" for n in ("a", "b")))).cohort
    assert [(scan.subject, scan.session, scan.name) for scan in cohort.scans] == [
        ("sub-01", "ses-a", "sub-01_ses-a"),
        ("sub-01", "ses-b", "sub-01_ses-b"),
    ]


def test_rows_with_sessions_go_to_their_sessions(lay: Lay) -> None:
    people = "participant_id\tsession_id\tage\nsub-01\tses-a\t40\nsub-01\tses-b\t42\n"
    images = (f"sub-01/ses-{n}/anat/sub-01_ses-{n}_T1w.nii" for n in ("a", "b"))
    indexed = index(lay(*images, texts={"participants.tsv": people}))
    assert [scan.labels["age_years"] for scan in indexed.cohort.scans] == [40.0, 42.0]


@pytest.mark.parametrize(
    ("taken", "other", "why"),
    [
        ("_run-1", "_run-2", "the earlier run"),
        ("_run-2", "_run-10", "the earlier run"),
        ("", "_ce-gadolinium", "no contrast agent"),
        ("_run-2", "_acq-highres_run-1", "no special acquisition"),
    ],
)
def test_of_several_t1w_one_is_taken_and_the_ledger_says_why(lay: Lay, taken: str, other: str, why: str) -> None:
    files = [f"sub-01/anat/sub-01{entities}_T1w.nii.gz" for entities in (taken, other)]
    indexed = index(lay(*files))
    assert indexed.cohort.scans[0].images["T1w"].as_posix() == files[0]
    assert why in reason(indexed, files[1])[1]


@pytest.mark.parametrize(
    "path",
    [
        "sub-01/anat/sub-01_T2w.nii.gz",
        "sub-01/func/sub-01_task-rest_bold.nii.gz",
    ],
)
def test_other_images_are_skipped_and_said(lay: Lay, path: str) -> None:
    indexed = index(lay("sub-01/anat/sub-01_T1w.nii.gz", path))
    assert len(indexed.cohort) == 1
    assert reason(indexed, path)[0] is Verdict.SKIPPED


def test_data_sets_side_by_side_keep_their_own_tables_and_sites(lay: Lay) -> None:
    images = [f"{site}/sub-{n}/anat/sub-{n}_T1w.nii" for site, n in (("NYU", "0050952"), ("Pitt", "0050003"))]
    tables = {
        f"{site}/participants.tsv": f"participant_id\tage\n{n}\t{age}\n"
        for site, n, age in (("NYU", "50952", 14), ("Pitt", "50003", 24))
    }
    indexed = index(lay(*images, texts=tables))
    assert [(s.site, s.labels["age_years"], s.source) for s in indexed.cohort.scans] == [
        ("Pitt", 24.0, "Pitt/participants.tsv row 2"),
        ("NYU", 14.0, "NYU/participants.tsv row 2"),
    ]


def test_an_identifier_of_two_data_sets_is_two_subjects(lay: Lay) -> None:
    indexed = index(lay(*(f"{site}/sub-01/anat/sub-01_T1w.nii" for site in ("A", "B"))))
    assert indexed.cohort.subjects == ("A-sub-01", "B-sub-01")
    assert any("same identifiers" in note for note in indexed.notes)


def test_without_participants_the_scans_have_no_labels(lay: Lay) -> None:
    indexed = index(lay("sub-01/anat/sub-01_T1w.nii.gz"))
    assert indexed.cohort.scans[0].labels == {}
    assert "No scan has a label age_years." in indexed.notes


def test_participants_without_an_image_are_skipped(lay: Lay) -> None:
    indexed = two(lay, PEOPLE + "sub-03\t20\tF\tleft\t90\tKiel\n")
    assert reason(indexed, "participants.tsv row 4")[0] is Verdict.SKIPPED


def test_another_kind_of_image_is_named_without_a_wrong_article(lay: Lay) -> None:
    indexed = index(lay("sub-01/anat/sub-01_T1w.nii", "sub-01/anat/sub-01_MP2RAGE.nii"))
    told = reason(indexed, "sub-01/anat/sub-01_MP2RAGE.nii")
    assert told == (Verdict.SKIPPED, "An image of the kind MP2RAGE in anat; only anat T1w is indexed.")


def test_descriptions_that_are_read_are_called_used(lay: Lay) -> None:
    about = json.dumps({"age": {"Units": "years"}})
    images = [f"sub-{number}/anat/sub-{number}_T1w.nii.gz" for number in ("01", "02")]
    texts = {"participants.tsv": PEOPLE, "participants.json": about, "dataset_description.json": '{"Name": "Two"}'}
    indexed = index(lay(*images, texts=texts))
    assert reason(indexed, "participants.json") == (Verdict.USED, "Says what columns of the tables mean.")
    assert reason(indexed, "dataset_description.json") == (Verdict.USED, "Names the data set.")


def test_a_row_whose_session_has_other_images_only_does_not_say_that_none_is_here(lay: Lay) -> None:
    people = "participant_id\tsession_id\tage\nsub-01\tses-a\t40\nsub-01\tses-b\t42\n"
    images = ("sub-01/ses-a/anat/sub-01_ses-a_T1w.nii", "sub-01/ses-b/anat/sub-01_ses-b_T2w.nii")
    indexed = index(lay(*images, texts={"participants.tsv": people}))
    assert "Its images are here" in reason(indexed, "participants.tsv row 3")[1]


def test_a_description_that_is_no_json_is_refused(lay: Lay) -> None:
    with pytest.raises(CohortError, match=r"participants\.json is no readable JSON"):
        two(lay, PEOPLE, participants_json="{")


def test_each_folder_of_derivatives_gets_one_line_and_none_of_its_images_is_taken(lay: Lay) -> None:
    made = [f"derivatives/fmriprep/sub-01/anat/sub-01_desc-{word}_T1w.nii.gz" for word in ("preproc", "smooth")]
    indexed = index(lay("sub-01/anat/sub-01_T1w.nii.gz", *made, texts={"derivatives/notes/a.txt": "x"}))
    assert len(indexed.cohort) == 1
    assert reason(indexed, "derivatives/fmriprep (2 files)")[0] is Verdict.SKIPPED
    assert "Not raw data" in reason(indexed, "derivatives/notes (1 file)")[1]


SESSIONS = "session_id\tacq_time\tage\tdiagnosis\nses-a\t2010-05-01T10:00:00\t40.5\tCN\nb\t2012-05-01\t42.5\tMCI\n"


@pytest.fixture
def longitudinal(lay: Lay) -> Indexed:
    images = [f"sub-01/ses-{n}/anat/sub-01_ses-{n}_T1w.nii" for n in ("a", "b")]
    people = "participant_id\tage\tsex\tdiagnosis\nsub-01\t40\tF\tCN\nsub-02\t50\tM\tAD\n"
    later = [f"sub-02/ses-{n}/anat/sub-02_ses-{n}_T1w.nii" for n in ("a", "b")]
    return index(lay(*images, *later, texts={"participants.tsv": people, "sub-01/sub-01_sessions.tsv": SESSIONS}))


def test_what_changes_between_sessions_goes_before_what_lasts(longitudinal: Indexed) -> None:
    assert labels(longitudinal, "sub-01_ses-a") == {"age_years": 40.5, "sex": "female", "diagnosis": "CN"}
    assert labels(longitudinal, "sub-01_ses-b") == {"age_years": 42.5, "sex": "female", "diagnosis": "MCI"}
    sources = [scan.source for scan in longitudinal.cohort.scans]
    assert sources[1] == "participants.tsv row 2, sub-01/sub-01_sessions.tsv row 3"
    assert reason(longitudinal, "sub-01/sub-01_sessions.tsv row 3")[0] is Verdict.USED


def test_one_age_for_several_sessions_is_said(longitudinal: Indexed) -> None:
    assert any(note.startswith("The same age at all sessions of 1 subject") for note in longitudinal.notes)
    assert not any("sub-01" in note for note in longitudinal.notes)


@pytest.mark.parametrize(
    ("unit", "said", "age"), [("months", "426", 35.5), ("d", "12784", 35.0), ("year", "35.5", 35.5)]
)
def test_ages_are_read_in_the_unit_of_the_description(lay: Lay, unit: str, said: str, age: float) -> None:
    about = json.dumps({"age": {"Units": unit}})
    indexed = two(lay, f"participant_id\tage\nsub-01\t{said}\n", participants_json=about)
    assert labels(indexed, "sub-01")["age_years"] == pytest.approx(age, abs=0.01)
    assert any(f"given in {unit}, read as years" in note for note in indexed.notes) == (unit != "year")


def test_an_age_in_an_unknown_unit_is_left_out_and_said(lay: Lay) -> None:
    indexed = two(lay, "participant_id\tage\nsub-01\t35\n", participants_json=json.dumps({"age": {"Units": "moons"}}))
    assert "age_years" not in labels(indexed, "sub-01")
    assert any("the unit 'moons' is not known" in note for note in indexed.notes)


def test_numbers_that_stand_for_words_become_the_words(lay: Lay) -> None:
    levels = {
        "group": {"Levels": {"1": "control", "2": {"Description": "patient"}}},
        "hand": {"Levels": {"R": "right"}},
    }
    indexed = two(
        lay,
        "participant_id\tgroup\thand\tscore\nsub-01\t1\tR\t1\nsub-02\t2\tR\t2\n",
        participants_json=json.dumps(levels | {"score": {"Levels": {"1": "never"}}}),
    )
    assert labels(indexed, "sub-01") == {"group": "control", "hand": "R", "score": 1.0}
    assert labels(indexed, "sub-02") == {"group": "patient", "hand": "R", "score": 2.0}


def test_the_row_of_a_session_that_was_left_out_is_skipped(lay: Lay) -> None:
    images = (f"sub-1/ses-{session}/anat/sub-1_ses-{session}_T1w.nii" for session in "ab")
    table = "participant_id\tsession_id\tage\nsub-1\tses-a\t40\nsub-1\tses-b\t50\n"
    indexed = index(lay(*images, texts={"participants.tsv": table}), where=["session=ses-a"])
    rows = [(entry.subject, entry.verdict) for entry in indexed.ledger.entries if entry.kind == "row"]
    assert rows == [("sub-1", Verdict.USED), ("sub-1", Verdict.SKIPPED)]
