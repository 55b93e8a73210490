import os
import shutil
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from medical_transformer.cohorts import Indexed, Verdict, index
from medical_transformer.cohorts.dicom import Series, conversion
from medical_transformer.errors import CohortError
from medical_transformer.volumes import read_volume

from .dicom_fixtures import DERIVED, LOCALISER, MPRAGE, SIDES, T2, place_of, value_at, write_series


@pytest.fixture(scope="module")
def export(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One study: a localiser, an MPRAGE, a T2 and a derived T1, all in one folder."""
    folder = tmp_path_factory.mktemp("drawn") / "export"
    for tags in (MPRAGE, T2, DERIVED):
        write_series(folder / "P07", tags)
    write_series(folder / "P07", LOCALISER, slices=3)
    return folder


@pytest.fixture
def source(export: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(export, tmp_path / "export"))


def reasons(indexed: Indexed) -> dict[str, tuple[Verdict, str]]:
    """Return verdict and reason by the number of the series."""
    entries = (entry for entry in indexed.ledger.entries if entry.kind == "file" and "series" in entry.item)
    return {entry.item.split("series ")[1].split(",")[0]: (entry.verdict, entry.reason) for entry in entries}


def zipped(folder: Path, path: Path) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted(folder.rglob("*")):
            if file.is_file():
                archive.write(file, file.relative_to(folder).as_posix())
    return path


def assert_every_point_is_where_it_was(path: Path) -> None:
    volume, _ = read_volume(path)
    to_voxel = np.linalg.inv(volume.voxel_to_world)
    for number, row, column in np.ndindex(SIDES[2], SIDES[1], SIDES[0]):
        left, back, up = place_of(column, row, number)
        voxel = to_voxel @ [-left, -back, up, 1.0]  # RAS+: to the right, to the front, upwards
        nearest = tuple(np.rint(voxel[:3]).astype(int))
        assert np.abs(voxel[:3] - nearest).max() < 1e-3
        assert volume.voxels[nearest] == value_at(column, row, number)


def test_the_t1w_is_converted_with_every_point_where_it_was(source: Path, tmp_path: Path) -> None:
    indexed = index(source, tmp_path / "cohort")
    (scan,) = indexed.cohort.scans
    assert (scan.name, scan.subject, scan.session) == ("P-07_2020-01-31", "P-07", "2020-01-31")
    assert scan.images == {"T1w": Path("P-07_2020-01-31_T1w.nii.gz")}
    assert scan.labels == {"age_years": 45.0, "sex": "female"}
    assert_every_point_is_where_it_was(tmp_path / "cohort" / "images" / "P-07_2020-01-31_T1w.nii.gz")


def test_the_ledger_says_of_every_series_why(source: Path) -> None:
    found = reasons(index(source))
    assert found["3"] == (Verdict.USED, "Series 3 't1_mprage_sag': The T1w of the study: 24 slices of 2 mm.")
    assert found["1"] == (Verdict.SKIPPED, "Series 1 'AAHead_Scout': A localiser.")
    assert found["4"] == (Verdict.SKIPPED, "Series 4 't2_tse_tra': A T2w series by its name.")
    assert found["5"][1].endswith("Another T1w; series 3 't1_mprage_sag' was taken (not derived).")


def test_looking_first_writes_nothing_and_still_counts(source: Path) -> None:
    before = sorted(source.parent.rglob("*"))
    indexed = index(source)
    assert indexed.planned
    assert len(indexed.cohort) == 1
    assert any("would be converted" in note for note in indexed.notes)
    assert sorted(source.parent.rglob("*")) == before


@pytest.mark.parametrize(
    ("others", "taken", "why"),
    [
        ([{"SliceThickness": 1.0}], "6", "thinner slices"),
        ([{"ContrastBolusAgent": "Gadovist", "SliceThickness": 1.0}], "3", "no contrast agent"),
        ([{"MRAcquisitionType": "2D", "SliceThickness": 1.0}], "3", "3-D"),
        ([{}], "3", "the earlier series"),
    ],
)
def test_of_several_t1w_the_best_is_taken(source: Path, others: list[dict[str, Any]], taken: str, why: str) -> None:
    for other in others:
        write_series(source / "P07", {**MPRAGE, "SeriesNumber": 6, **other})
    found = reasons(index(source))
    assert [number for number, (verdict, _) in found.items() if verdict is Verdict.USED] == [taken]
    assert why in found["6" if taken == "3" else "3"][1]


@pytest.mark.parametrize(
    ("tags", "said"),
    [
        ({"SeriesDescription": "t2_flair"}, "A FLAIR series"),
        ({"SeriesDescription": "ep2d_diff_mddw"}, "A diffusion series"),
        ({"SeriesDescription": "TOF_3D"}, "A vessel series"),
        ({"SeriesDescription": "series a", "EchoTime": 90.0}, "its times are not those of one (echo 90.0 ms"),
        ({"Modality": "CT"}, "No MRI: its modality is CT."),
    ],
)
def test_what_is_no_t1w_is_not_taken(tmp_path: Path, tags: dict[str, Any], said: str) -> None:
    write_series(tmp_path / "a", MPRAGE)
    write_series(tmp_path / "a", {**MPRAGE, "SeriesNumber": 9, **tags})
    assert said in reasons(index(tmp_path))["9"][1]


def test_a_t1w_without_a_telling_name_is_known_by_its_times(tmp_path: Path) -> None:
    write_series(tmp_path / "a", {**MPRAGE, "SeriesDescription": "series a"})
    assert reasons(index(tmp_path))["3"][0] is Verdict.USED


def test_a_study_that_has_only_a_derived_t1w_keeps_it_and_says_so(tmp_path: Path) -> None:
    write_series(tmp_path / "a", DERIVED)
    assert "derived: there is no original one" in reasons(index(tmp_path))["5"][1]


def test_two_studies_of_a_patient_are_two_scans_of_one_subject(source: Path, tmp_path: Path) -> None:
    write_series(source / "later", MPRAGE, study="1.2.4", StudyDate="20210131", RepetitionTime=2301.0)
    cohort = index(source).cohort
    assert [scan.name for scan in cohort.scans] == ["P-07_2020-01-31", "P-07_2021-01-31"]
    assert cohort.subjects == ("P-07",)


def test_a_study_without_a_t1w_is_skipped(source: Path) -> None:
    write_series(source / "other", T2, study="1.2.5", PatientID="P08")
    indexed = index(source)
    entry = next(one for one in indexed.ledger.entries if one.item == "P08_2020-01-31")
    assert (entry.verdict, entry.reason) == (Verdict.SKIPPED, "None of its series is a T1w of a head.")


@pytest.mark.parametrize("inside", [True, False])
def test_a_zip_is_read_in_a_folder_and_by_itself(source: Path, tmp_path: Path, inside: bool) -> None:
    (tmp_path / "zips").mkdir()
    archive = zipped(source, tmp_path / "zips" / "P07.zip")
    indexed = index(tmp_path / "zips" if inside else archive, tmp_path / "cohort")
    assert indexed.cohort.name == ("zips" if inside else "P07")
    assert_every_point_is_where_it_was(tmp_path / "cohort" / "images" / "P-07_2020-01-31_T1w.nii.gz")
    assert sorted(path.name for path in (tmp_path / "zips").iterdir()) == ["P07.zip"]


@pytest.mark.parametrize("member", ["../../evil.dcm", "/evil.dcm", "C:\\evil.dcm", "a\\..\\..\\evil.dcm"])
def test_a_member_that_leaves_its_zip_is_refused(source: Path, tmp_path: Path, member: str) -> None:
    (tmp_path / "zips").mkdir()
    archive = zipped(source, tmp_path / "zips" / "P07.zip")
    with zipfile.ZipFile(archive, "a") as opened:
        opened.writestr(member, next(source.rglob("3*")).read_bytes())
    indexed = index(tmp_path / "zips", tmp_path / "cohort")
    (refused,) = indexed.ledger.of(Verdict.REFUSED)
    assert "leaves the folder" in refused.reason
    assert len(indexed.cohort) == 1
    assert not list(tmp_path.rglob("evil*"))


def test_the_directory_of_a_disc_is_skipped(tmp_path: Path) -> None:
    write_series(tmp_path / "a", MPRAGE)
    write_series(tmp_path / "b", T2, slices=1, SOPClassUID="1.2.840.10008.1.3.10")
    (entry,) = [one for one in index(tmp_path).ledger.entries if one.item.startswith("b/")]
    assert (entry.verdict, entry.reason[:20]) == (Verdict.SKIPPED, "It holds no image (a")


def test_a_file_that_is_no_zip_is_refused(source: Path) -> None:
    (source / "broken.zip").write_text("x")
    (refused,) = index(source).ledger.of(Verdict.REFUSED)
    assert (refused.item, refused.reason) == ("broken.zip", "It is no readable zip; fetch it again.")


def test_a_named_table_gives_labels_to_the_scans(source: Path, tmp_path: Path) -> None:
    (tmp_path / "people.csv").write_text("patient,age,iq\nP-07,44.5,101\n")
    (scan,) = index(source, table=tmp_path / "people.csv").cohort.scans
    assert scan.labels == {"age_years": 44.5, "sex": "female", "iq": 101.0}


@pytest.mark.parametrize("module", ["pydicom", "dcm2niix"])
def test_a_missing_extra_is_named(source: Path, tmp_path: Path, module: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(CohortError, match=r"medical-transformer\[dicom\]"):
        index(source, tmp_path / "cohort")


def test_links_to_nothing_and_pipes_beside_dicom_stop_nothing(source: Path) -> None:
    (source / "lost").symlink_to(source / "nowhere")
    os.mkfifo(source / "pipe")
    assert len(index(source).cohort) == 1


def test_an_unchanged_series_is_converted_once_and_a_changed_one_again(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs: list[Series] = []

    def convert_and_count(instances: Path, made: Path, series: Series) -> str:
        runs.append(series)
        return run_dcm2niix(instances, made, series)

    run_dcm2niix = conversion._run
    monkeypatch.setattr(conversion, "_run", convert_and_count)
    image = tmp_path / "cohort" / "images" / "P-07_2020-01-31_T1w.nii.gz"
    for _ in range(2):
        index(source, tmp_path / "cohort")
    assert len(runs) == 1
    slice_of_it = source / runs[0].instances[3].file
    os.utime(slice_of_it, ns=(0, slice_of_it.stat().st_mtime_ns + 1))
    index(source, tmp_path / "cohort")
    assert len(runs) == 2
    image.write_bytes(b"damaged")
    index(source, tmp_path / "cohort")
    assert len(runs) == 3
    assert_every_point_is_where_it_was(image)


def test_two_patients_in_one_zip_are_two_subjects(source: Path, tmp_path: Path) -> None:
    write_series(source / "other", MPRAGE, study="1.2.9", PatientID="Q 08")
    assert index(zipped(source, tmp_path / "two.zip")).cohort.subjects == ("P-07", "Q-08")


@pytest.mark.parametrize("inside", [True, False])
def test_patients_without_an_identifier_are_called_after_the_zip_or_the_folder_in_it(
    tmp_path: Path, inside: bool
) -> None:
    for number, person in enumerate(("ann", "bob")):
        write_series(tmp_path / "drawn" / person, MPRAGE, study=f"1.2.{number}", PatientID="")
    (tmp_path / "zips").mkdir()
    archive = zipped(tmp_path / "drawn", tmp_path / "zips" / "two.ZIP")
    subjects = index(tmp_path / "zips" if inside else archive).cohort.subjects
    assert subjects == (("two",) if inside else ("ann", "bob"))
