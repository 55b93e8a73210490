import os
import zlib
from pathlib import Path
from zipfile import ZipFile

import nibabel
import numpy as np
import pytest

from medical_transformer.cohorts import Cohort, Indexed, Ledger, Verdict, index
from medical_transformer.errors import CohortError, ConfigError

NAMES = ("IXI012-HH-1211", "IXI015-HH-1258", "IXI033-HH-1259")


def write_image(path: Path, content: str = "") -> Path:
    voxels = np.random.default_rng(zlib.crc32((content or path.name).encode())).random((8, 9, 10), np.float32)
    path.parent.mkdir(parents=True, exist_ok=True)
    nibabel.Nifti1Image(voxels, np.eye(4)).to_filename(path)
    return path


@pytest.fixture
def source(tmp_path: Path) -> Path:
    for name in NAMES:
        write_image(tmp_path / "data" / f"{name}-T1.nii")
    table = 'IXI_ID,"SEX_ID (1=m, 2=f)",AGE\n12,1,38.5\n15,1,24.5\n33,2,30\n'
    (tmp_path / "data" / "IXI.csv").write_text(table)
    return tmp_path / "data"


def entry(indexed: Indexed, item: str) -> tuple[Verdict, str]:
    return next((one.verdict, one.reason) for one in indexed.ledger.entries if one.item == item)


def test_cohort_and_ledger_are_written(source: Path, tmp_path: Path) -> None:
    indexed = index(source, tmp_path / "out")
    assert Cohort.load(tmp_path / "out").scans == indexed.cohort.scans
    assert Ledger.load(tmp_path / "out" / "ledger.tsv") == indexed.ledger


def test_a_dry_run_writes_nothing(source: Path) -> None:
    before = sorted(source.parent.rglob("*"))
    index(source)
    assert sorted(source.parent.rglob("*")) == before


def test_every_file_stands_in_the_ledger_once(source: Path) -> None:
    for name in ("._IXI012-HH-1211-T1.nii", ".DS_Store", "notes.txt", "other.csv", "sub/report.pdf"):
        (source / name).parent.mkdir(exist_ok=True)
        (source / name).write_text("x")
    write_image(source / "unknown.nii.gz")
    items = [one.item for one in index(source).ledger.entries if one.kind == "file"]
    files = [path.relative_to(source).as_posix() for path in source.rglob("*") if path.is_file()]
    assert sorted(items) == sorted(files)


def test_what_macos_left_behind_is_called_so(source: Path) -> None:
    (source / "._IXI012-HH-1211-T1.nii").write_bytes(b"\0")
    assert "macOS" in entry(index(source), "._IXI012-HH-1211-T1.nii")[1]


def test_many_unrelated_files_of_one_kind_share_a_line(source: Path) -> None:
    (source / "dicom").mkdir()
    for number in range(170):
        (source / "dicom" / f"{number}.dcm").write_bytes(b"x")
    assert entry(index(source), "dicom/*.dcm (170 files)")[0] is Verdict.SKIPPED


@pytest.mark.parametrize(("half", "other"), [("lone.img", "lone.hdr"), ("lone.hdr", "lone.img")])
def test_half_of_a_pair_is_refused_with_the_name_of_the_other_half(source: Path, half: str, other: str) -> None:
    (source / "more").mkdir()
    (source / "more" / half).write_bytes(b"x" * 400)
    verdict, reason = entry(index(source), f"more/{half}")
    assert verdict is Verdict.REFUSED
    assert f"Its other half more/{other} is missing" in reason


def test_a_folder_of_nothing_but_half_a_pair_is_refused_with_its_name(tmp_path: Path) -> None:
    (tmp_path / "lone.img").write_bytes(b"x" * 400)
    with pytest.raises(CohortError, match=r"lone\.img: Its other half lone\.hdr is missing"):
        index(tmp_path)


def test_a_whole_pair_that_a_layout_does_not_take_is_skipped_and_called_a_pair(source: Path) -> None:
    for name in ("pair.img", "pair.hdr"):
        (source / name).write_bytes(b"x" * 400)
    indexed = index(source)
    for name in ("pair.img", "pair.hdr"):
        told = entry(indexed, name)
        assert told == (Verdict.SKIPPED, "A pair of .hdr and .img that this layout does not take.")


def test_indexing_again_into_a_folder_of_the_source_finds_the_same(source: Path) -> None:
    first = index(source, source / "cohort")
    again = index(source, source / "cohort")
    assert again.cohort == first.cohort
    assert entry(again, "cohort/cohort.tsv") == (Verdict.SKIPPED, "An earlier indexing wrote this.")


@pytest.mark.parametrize("same", [".", "../data", "../link"])
def test_no_cohort_is_written_among_the_raw_scans(source: Path, same: str) -> None:
    (source.parent / "link").symlink_to(source)
    before = sorted(source.rglob("*"))
    with pytest.raises(ConfigError, match="give the cohort a folder of its own"):
        index(source, source / same)
    assert sorted(source.rglob("*")) == before


def test_an_empty_file_is_refused_with_its_row(source: Path) -> None:
    (source / "IXI012-HH-1211-T1.nii").write_bytes(b"")
    indexed = index(source)
    assert [scan.subject for scan in indexed.cohort.scans] == ["IXI015", "IXI033"]
    assert entry(indexed, "IXI012-HH-1211-T1.nii") == (
        Verdict.REFUSED,
        "IXI012-HH-1211-T1.nii is empty (0 bytes); fetch it again.",
    )
    assert entry(indexed, "IXI.csv row 2") == (Verdict.SKIPPED, "Its scan IXI012-HH-1211 was left out.")


def test_the_notes_count_only_what_is_used_and_say_what_is_not(source: Path) -> None:
    (source / "IXI012-HH-1211-T1.nii").write_bytes(b"")
    said = index(source, where=["sex=female"]).notes
    assert said[:4] == (
        "Read as the layout 'ixi'.",
        "1 T1 scan of 1 subject.",
        "Of 3 subjects in IXI.csv, 2 have no scan that is used.",
        "Left out by sex=female: 1 of 2 usable scans.",
    )
    assert (
        said[4]
        == "Not used: 1 scan refused (IXI012-HH-1211). IXI012-HH-1211-T1.nii is empty (0 bytes); fetch it again."
    )


def test_a_note_on_cells_says_that_it_counts_those_of_the_table(source: Path) -> None:
    (source / "IXI012-HH-1211-T1.nii").write_bytes(b"")
    (source / "IXI.csv").write_text("IXI_ID,AGE\n12,-5\n15,24.5\n33,\n900,200\n")
    said = "IXI.csv, AGE: 2 of the table's 3 cells left out ('-5', '200'), not between 0 and 120."
    assert said in index(source).notes


def test_where_scans_are_refused_for_several_reasons_one_note_names_them(source: Path) -> None:
    (source / "IXI012-HH-1211-T1.nii").write_bytes(b"")
    (source / "IXI015-HH-1258-T1.nii").write_text("404")
    said = "Not used: 2 scans refused (IXI012-HH-1211, IXI015-HH-1258). The ledger says why of each."
    assert said in index(source).notes


@pytest.mark.parametrize(
    ("image", "counted"),
    [
        ("IXI{}12-HH-1211-T1.nii", "1 T1 scan of 1 subject."),
        ("NYU/0050{}52/session_1/anat_1/mprage.nii", "1 scan of 1 subject."),
        ("sub-{}/anat/sub-{}_T1w.nii", "1 T1w scan of 1 subject."),
        ("00{}_S_0413/MPRAGE/2006-05-02_12_31_52.0/S1/ADNI_I{}.nii", "1 scan of 1 subject; 0 are of the baseline"),
        ("case{}.nii", "1 scan (1 T1w), 0 with a label map"),
        ("case{}.nii", "Taken for T1w because the file name does not say: case2.nii."),
    ],
)
def test_no_layout_counts_a_refused_scan(tmp_path: Path, image: str, counted: str) -> None:
    write_image(tmp_path / image.format(1, 1)).write_bytes(b"")
    write_image(tmp_path / image.format(2, 2))
    assert any(note.startswith(counted) for note in index(tmp_path).notes)


def test_a_link_to_nothing_is_refused(source: Path) -> None:
    (source / "IXI012-HH-1211-T1.nii").unlink()
    (source / "IXI012-HH-1211-T1.nii").symlink_to("annex/missing")
    assert "fetch its content" in entry(index(source), "IXI012-HH-1211-T1.nii")[1]


def test_the_same_bytes_under_two_names_are_kept_once_and_said(source: Path) -> None:
    content = (source / "IXI012-HH-1211-T1.nii").read_bytes()
    (source / "IXI033-HH-1259-T1.nii").write_bytes(content)
    indexed = index(source)
    assert [scan.subject for scan in indexed.cohort.scans] == ["IXI012", "IXI015"]
    verdict, why = entry(indexed, "IXI033-HH-1259")
    assert verdict is Verdict.REFUSED
    assert "Holds the same voxels as IXI012-HH-1211" in why
    assert "of another subject and another age_years, sex, which is kept (the first by name)" in why
    assert "The same voxels lie under IXI033-HH-1259." in entry(indexed, "IXI012-HH-1211")[1]


def test_the_same_voxels_in_another_wrapping_are_found(source: Path) -> None:
    image = nibabel.load(source / "IXI012-HH-1211-T1.nii")
    image.header["descrip"] = b"exported again"
    (source / "IXI033-HH-1259-T1.nii").unlink()
    nibabel.save(image, source / "IXI033-HH-1259-T1.nii.gz")
    assert entry(index(source), "IXI033-HH-1259")[0] is Verdict.REFUSED


def test_the_same_voxels_of_one_subject_are_skipped_without_alarm(source: Path) -> None:
    content = (source / "IXI012-HH-1211-T1.nii").read_bytes()
    (source / "IXI012-HH-1212-T1.nii").write_bytes(content)
    indexed = index(source)
    why = "Holds the same voxels as IXI012-HH-1211 of the same subject, which is kept (the first by name)."
    assert entry(indexed, "IXI012-HH-1212") == (Verdict.SKIPPED, why)
    assert f"Not used: 1 scan skipped (IXI012-HH-1212). {why}" in indexed.notes


def test_the_hash_is_of_the_bytes_and_not_of_the_name(source: Path) -> None:
    before = {scan.content_hash for scan in index(source).cohort.scans}
    (source / "IXI012-HH-1211-T1.nii").rename(source / "IXI014-HH-1236-T1.nii")
    assert {scan.content_hash for scan in index(source).cohort.scans} == before


def test_linked_folders_are_followed_and_circles_are_not(source: Path, tmp_path: Path) -> None:
    (tmp_path / "linked").mkdir()
    (tmp_path / "linked" / "images").symlink_to(source)
    (source / "circle").symlink_to(tmp_path / "linked")
    assert len(index(tmp_path / "linked").cohort) == 3


@pytest.mark.parametrize("name", ["nowhere", "data/IXI.csv"])
def test_a_source_that_is_no_folder_is_refused(source: Path, name: str) -> None:
    with pytest.raises(CohortError, match="give the folder that holds the scans"):
        index(source.parent / name)


def test_an_unknown_layout_is_refused_with_those_that_exist(source: Path) -> None:
    with pytest.raises(CohortError, match=r"no layout 'IXI'; there are: auto, .*ixi"):
        index(source, layout="IXI")


def test_a_folder_without_an_image_is_refused(tmp_path: Path) -> None:
    (tmp_path / "slice.dcm").write_bytes(b"x")
    with pytest.raises(CohortError, match=r"neither a NIfTI image .* nor a DICOM series"):
        index(tmp_path)


def test_an_empty_folder_is_called_empty(tmp_path: Path) -> None:
    with pytest.raises(
        CohortError, match=rf"{tmp_path} is empty or holds no regular file; give the folder that holds the scans"
    ):
        index(tmp_path)


@pytest.mark.parametrize(
    ("name", "said"), [("IXI-T1.tar", "An archive; unpack it"), ("001.mgz", "another format; convert it to NIfTI")]
)
def test_what_could_hold_images_is_named_where_there_is_none_and_in_the_ledger(
    source: Path, tmp_path: Path, name: str, said: str
) -> None:
    for place in (source, tmp_path / "shut"):
        place.mkdir(exist_ok=True)
        (place / name).write_bytes(b"x")
    assert said in entry(index(source), name)[1]
    with pytest.raises(CohortError, match=rf"{name}: .*{said}"):
        index(tmp_path / "shut")


def test_a_zip_without_dicom_is_named_and_not_its_folder(source: Path) -> None:
    with ZipFile(source / "images.zip", "w") as archive:
        archive.write(source / "IXI012-HH-1211-T1.nii")
    with pytest.raises(CohortError, match=r"images\.zip holds neither .* An archive; unpack it"):
        index(source / "images.zip")


def test_a_source_of_which_nothing_is_usable_is_refused_with_the_reason(source: Path) -> None:
    for path in source.glob("*.nii"):
        path.write_bytes(b"")
    with pytest.raises(CohortError, match=r"is empty \(0 bytes\)"):
        index(source)


def test_a_folder_that_cannot_be_listed_is_named(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(folder: str) -> None:
        raise PermissionError(13, "Permission denied", folder)

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(CohortError, match=r"data cannot be listed \(Permission denied\); check its permissions"):
        index(source)


def test_a_named_pipe_is_refused_and_never_opened(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pipes = ("IXI044-HH-1300-T1.nii.gz", "more.csv", "slice.dcm")
    for name in pipes:
        os.mkfifo(source / name)
    real = Path.open

    def watched(path: Path, *args: str, **others: str) -> object:
        assert path.name not in pipes, f"{path} was opened"
        return real(path, *args, **others)  # type: ignore[arg-type,call-overload]

    monkeypatch.setattr(Path, "open", watched)
    indexed = index(source)
    assert len(indexed.cohort) == 3
    for name in pipes:
        verdict, reason = entry(indexed, name)
        assert verdict is Verdict.REFUSED
        assert reason.startswith(f"{name} is no regular file")


def test_links_that_lead_back_to_themselves_are_no_folders(source: Path) -> None:
    (source / "around").symlink_to(source / "about")
    (source / "about").symlink_to(source / "around")
    indexed = index(source)
    assert len(indexed.cohort) == 3
    assert entry(indexed, "around")[0] is Verdict.SKIPPED


def test_a_file_whose_name_is_no_utf_8_is_named(source: Path) -> None:
    os.rename(os.fsencode(source / "IXI.csv"), os.fsencode(source) + b"/M\xfcller.csv")  # noqa: PTH104
    with pytest.raises(CohortError, match=r"name is no UTF-8: 'M.*ller\.csv'; rename it"):
        index(source)
