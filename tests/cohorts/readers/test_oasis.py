"""OASIS-1 with its real names, columns and Analyze pairs."""

from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest

from medical_transformer.cohorts import Indexed, Verdict, index
from medical_transformer.errors import CohortError
from medical_transformer.volumes import read_volume

TABLE = (
    "ID,M/F,Hand,Age,Educ,SES,MMSE,CDR,eTIV,nWBV,ASF,Delay\n"
    "OAS1_0001_MR1,F,R,74,2,3,29,0,1344,0.743,1.306,N/A\n"
    "OAS1_0003_MR1,F,R,73,4,3,27,0.5,1454,0.708,1.207,N/A\n"
    "OAS1_0061_MR1,F,R,20,,,,,1313,0.854,1.337,N/A\n"
    "OAS1_0061_MR2,F,R,20,,,,,1308,0.851,1.341,40\n"
    "OAS1_0308_MR1,F,R,78,3,3,15,2,1401,0.703,1.253,N/A\n"
)
SESSIONS = ("OAS1_0001_MR1", "OAS1_0003_MR1", "OAS1_0061_MR1", "OAS1_0061_MR2")
# Sides of the drawn head to the right, to the front and upwards; stored sagittally, as the data set stores its own.
RAS = (9, 14, 12)


def head(seed: int) -> Any:
    return np.random.default_rng(seed).integers(1, 900, RAS).astype(">i2")


def save(array: Any, path: Path) -> None:
    """Store axes to anterior, superior and left, and a fourth axis of one, in big-endian bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    stored = np.stack([array[x].astype(">i2") for x in reversed(range(array.shape[0]))], axis=2)[..., None]
    image = nibabel.AnalyzeImage(stored, None, nibabel.AnalyzeHeader(endianness=">"))
    image.header.set_zooms((1.0, 1.0, 1.25, 1.0))
    nibabel.save(image, path)


def average(session: str) -> str:
    return f"{session}/PROCESSED/MPRAGE/SUBJ_111/{session}_mpr_n4_anon_sbj_111.img"


def raw(session: str, number: int = 1) -> str:
    return f"{session}/RAW/{session}_mpr-{number}_anon.img"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    for seed, session in enumerate(SESSIONS):
        save(head(seed), tmp_path / "disc1" / average(session))
    (tmp_path / "disc1" / "oasis_cross-sectional.csv").write_text(TABLE)
    return tmp_path / "disc1"


def entry(indexed: Indexed, item: str) -> tuple[Verdict, str]:
    return next((one.verdict, one.reason) for one in indexed.ledger.entries if one.item == item)


def test_a_table_beside_a_link_to_the_source_is_read_before_one_beside_its_target(source: Path, tmp_path: Path) -> None:
    table = source / "oasis_cross-sectional.csv"
    (tmp_path / table.name).write_text(TABLE.replace(",74,", ",44,"))
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "disc1").symlink_to(source)
    for place, age in ((tmp_path / "mine" / table.name, 74.0), (tmp_path / "elsewhere", 44.0)):
        table.rename(place)
        table = place
        assert index(tmp_path / "mine" / "disc1").cohort.scans[0].labels["age_years"] == age


def test_a_head_is_read_with_left_on_the_left(source: Path) -> None:
    cohort = index(source).cohort
    volume, _ = read_volume(cohort.root / cohort.scans[0].images["T1w"])
    np.testing.assert_array_equal(volume.voxels, head(0))
    assert volume.spacing_mm == (1.25, 1.0, 1.0)


def test_age_sex_and_the_rating_come_from_the_table(source: Path) -> None:
    assert index(source).cohort.scans[1].labels == {
        "age_years": 73.0,
        "sex": "female",
        "diagnosis": "AD",
        "cdr": 0.5,
        "mmse": 27.0,
        "education_level": 4.0,
        "etiv_cubicmm": 1_454_000.0,
    }


def test_an_impossible_rating_is_no_diagnosis(source: Path) -> None:
    table = source / "oasis_cross-sectional.csv"
    table.write_text(TABLE.replace("27,0.5,1454", "27,-1,-1454"))
    scans = {scan.name: scan.labels for scan in index(source).cohort.scans}
    assert not {"cdr", "diagnosis", "etiv_cubicmm"} & set(scans["OAS1_0003_MR1"])
    assert scans["OAS1_0001_MR1"]["diagnosis"] == "CN"


def test_cells_that_are_no_labels_are_named_and_an_unreadable_rating_is_no_diagnosis(source: Path) -> None:
    table = TABLE.replace("F,R,74,2,3,29,0,", "x,R,-5,2,3,29,?,")
    (source / "oasis_cross-sectional.csv").write_text(table)
    indexed = index(source)
    assert set(indexed.cohort.scans[0].labels) == {"mmse", "education_level", "etiv_cubicmm"}
    assert entry(indexed, "oasis_cross-sectional.csv row 2")[1] == (
        "Gave mmse, education_level, etiv_cubicmm; age_years '-5' was left out: not between 0 and 120; "
        "sex 'x' was left out: neither female nor male; cdr '?' was left out: no number."
    )
    assert (
        "oasis_cross-sectional.csv, M/F: 1 of the table's 5 cells left out ('x'), neither female nor male."
        in indexed.notes
    )


def test_the_young_without_a_rating_are_healthy(source: Path) -> None:
    scans = {scan.name: scan.labels for scan in index(source).cohort.scans}
    assert scans["OAS1_0061_MR1"]["diagnosis"] == scans["OAS1_0001_MR1"]["diagnosis"] == "CN"
    assert "cdr" not in scans["OAS1_0061_MR1"]


def test_a_second_session_is_of_the_same_subject(source: Path) -> None:
    assert index(source).cohort.subjects == ("OAS1_0001", "OAS1_0003", "OAS1_0061")


def test_the_mean_is_taken_and_the_repeats_and_the_atlas_images_are_skipped(source: Path) -> None:
    save(head(9), source / raw(SESSIONS[0]))
    atlas = f"{SESSIONS[0]}/PROCESSED/MPRAGE/T88_111/{SESSIONS[0]}_mpr_n4_anon_111_t88_masked_gfc.img"
    save(head(8), source / atlas)
    indexed = index(source)
    assert indexed.cohort.scans[0].images["T1w"] == Path(average(SESSIONS[0]) + "[axes=ASL]")
    assert "the mean of the repeats" in entry(indexed, raw(SESSIONS[0]))[1]
    assert entry(indexed, atlas)[0] is Verdict.SKIPPED


def test_without_the_mean_the_first_repeat_is_taken(source: Path) -> None:
    for suffix in (".img", ".hdr"):
        (source / average(SESSIONS[0])).with_suffix(suffix).unlink()
    for number in (2, 1):
        save(head(number + 7), source / raw(SESSIONS[0], number))
    assert index(source).cohort.scans[0].images["T1w"] == Path(raw(SESSIONS[0]) + "[axes=ASL]")


@pytest.mark.parametrize(("gone", "said"), [(".hdr", "sbj_111.hdr is not there"), (".img", "sbj_111.img is not there")])
def test_half_a_pair_is_refused(source: Path, gone: str, said: str) -> None:
    (source / average(SESSIONS[0])).with_suffix(gone).unlink()
    verdict, why = entry(index(source), SESSIONS[0])
    assert verdict is Verdict.REFUSED
    assert said in why


def test_a_row_without_a_session_is_skipped_and_every_file_stands_in_the_ledger(source: Path) -> None:
    indexed = index(source)
    assert entry(indexed, "oasis_cross-sectional.csv row 6")[0] is Verdict.SKIPPED
    items = sorted(one.item for one in indexed.ledger.entries if one.kind == "file")
    assert items == sorted(p.relative_to(source).as_posix() for p in source.rglob("*") if p.is_file())


def test_a_named_table_of_something_else_is_refused(source: Path, tmp_path: Path) -> None:
    (tmp_path / "people.csv").write_text("ID,age\n1,2\n")
    with pytest.raises(CohortError, match="no column 'CDR'"):
        index(source, table=tmp_path / "people.csv")
