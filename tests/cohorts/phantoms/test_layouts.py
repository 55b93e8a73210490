"""Drawn cohorts lie on disk as the real data sets do."""

import hashlib
import json
import re
from pathlib import Path

import nibabel
import numpy as np
import pandas
import pytest

from medical_transformer.cohorts.phantoms import Acquisition, write_adni, write_brats, write_ixi

COARSE = Acquisition(spacing_mm=(5.5, 5.0, 5.2), axes="PSR")
IXI_COLUMNS = [
    "IXI_ID",
    "SEX_ID (1=m, 2=f)",
    "HEIGHT",
    "WEIGHT",
    "ETHNIC_ID",
    "MARITAL_ID",
    "OCCUPATION_ID",
    "QUALIFICATION_ID",
    "DOB",
    "DATE_AVAILABLE",
    "STUDY_DATE",
    "AGE",
]
ADNI_IMAGE = re.compile(
    r"ADNI/(\d{3}_S_\d{4})/MPR__GradWarp__B1_Correction__N3__Scaled/\d{4}-\d\d-\d\d_\d\d_\d\d_\d\d\.0/"
    r"(?:S\d+|I\d+)/ADNI_\1_MR_MPR__GradWarp__B1_Correction__N3__Scaled_Br_\d{17}_S\d+_I(\d+)\.nii"
)


def files(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def digests(folder: Path) -> dict[str, str]:
    return {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in files(folder)}


@pytest.fixture(scope="module")
def ixi(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ixi")
    write_ixi(folder / "raw", 5, 1, acquisition=COARSE, truth_folder=folder / "truth")
    return folder


@pytest.fixture(scope="module")
def adni(tmp_path_factory):
    folder = tmp_path_factory.mktemp("adni")
    write_adni(folder, 4, 1, acquisition=COARSE)
    return folder


@pytest.fixture(scope="module")
def brats(tmp_path_factory):
    folder = tmp_path_factory.mktemp("brats")
    write_brats(folder, 2, 1, spacing_mm=5.0)
    return folder / "MICCAI_BraTS2020_TrainingData"


def test_ixi_holds_a_flat_folder_and_a_table(ixi):
    scans = [name for name in files(ixi / "raw") if name != "IXI.csv"]
    assert len(scans) == 5
    assert all(re.fullmatch(r"IXI-T1/IXI\d{3}-(Guys|HH|IOP)-\d{4}-T1\.nii\.gz", name) for name in scans)
    table = pandas.read_csv(ixi / "raw" / "IXI.csv")
    assert list(table.columns) == IXI_COLUMNS


def test_ixi_has_the_real_tables_defects(ixi):
    table = pandas.read_csv(ixi / "raw" / "IXI.csv")
    scanned = {int(Path(name).name[3:6]) for name in files(ixi / "raw") if name.startswith("IXI-T1")}
    listed = set(table["IXI_ID"])
    assert table["IXI_ID"].duplicated().sum() == 1
    assert table["AGE"].isna().sum() == 1
    assert len(listed - scanned) == 1
    assert len(scanned - listed) == 1


def test_ixi_is_stored_psr_with_the_asked_voxels(ixi):
    image = nibabel.load(sorted((ixi / "raw" / "IXI-T1").iterdir())[0])
    assert nibabel.aff2axcodes(image.affine) == ("P", "S", "R")
    np.testing.assert_allclose(image.header.get_zooms(), (5.0, 5.2, 5.5), rtol=1e-5)


def test_ixis_table_tells_the_truth(ixi):
    table = pandas.read_csv(ixi / "raw" / "IXI.csv").dropna(subset="AGE").drop_duplicates("IXI_ID")
    for path in (ixi / "truth").glob("*.json"):
        truth = json.loads(path.read_text())
        row = table[table["IXI_ID"] == int(path.name[3:6])]
        if len(row):
            assert row["AGE"].item() == pytest.approx(truth["age_years"], abs=0.01)
            assert row["SEX_ID (1=m, 2=f)"].item() == {"male": 1, "female": 2}[truth["sex"]]


def test_the_same_seed_writes_the_same_bytes(ixi, tmp_path):
    write_ixi(tmp_path, 5, 1, acquisition=COARSE)
    assert digests(tmp_path) == digests(ixi / "raw")


def test_adni_paths_carry_subject_and_image(adni):
    images = [name for name in files(adni) if name.endswith(".nii")]
    assert all(ADNI_IMAGE.fullmatch(name) for name in images)
    assert len(images) == 5
    subjects = [ADNI_IMAGE.fullmatch(name).group(1) for name in images]
    assert sorted(subjects.count(subject) for subject in set(subjects)) == [1, 1, 1, 2]


def test_adnis_tables_join_with_its_images(adni):
    images = {int(ADNI_IMAGE.fullmatch(name).group(2)) for name in files(adni) if name.endswith(".nii")}
    merge = pandas.read_csv(adni / "ADNIMERGE.csv")
    (path,) = adni.glob("ADNI1_Complete_1Yr_1.5T_*.csv")
    collection = pandas.read_csv(path)
    assert set(merge["IMAGEUID"]) == images == {int(uid[1:]) for uid in collection["Image Data ID"]}
    assert path.read_text().startswith(
        '"Image Data ID","Subject","Group","Sex","Age","Visit","Modality","Description","Type","Acq Date",'
        '"Format","Downloaded"\n'
    )


def test_adni_speaks_its_own_words(adni):
    merge = pandas.read_csv(adni / "ADNIMERGE.csv")
    assert {"RID", "PTID", "VISCODE", "DX_bl", "AGE", "PTGENDER", "PTEDUCAT", "MMSE", "DX"} <= set(merge)
    assert set(merge["DX"]) == {"CN", "MCI", "Dementia"}
    assert set(merge["DX_bl"]) <= {"CN", "EMCI", "LMCI", "AD"}
    assert set(merge["PTGENDER"]) <= {"Female", "Male"}
    twice = merge[merge["RID"].duplicated(keep=False)]
    assert list(twice["VISCODE"]) == ["bl", "m12"]
    assert twice["AGE"].nunique() == 1
    assert merge.groupby("DX")["MMSE"].mean()["Dementia"] < merge.groupby("DX")["MMSE"].mean()["CN"]


def test_brats_holds_five_files_a_case_and_two_tables(brats):
    cases = [f"BraTS20_Training_{number:03d}" for number in (1, 2)]
    expected = [f"{case}/{case}_{kind}.nii.gz" for case in cases for kind in ("flair", "t1", "t1ce", "t2", "seg")]
    assert files(brats) == sorted([*expected, "name_mapping.csv", "survival_info.csv"])


def test_bratss_tables_have_their_headers(brats):
    names, survival = (pandas.read_csv(brats / f"{name}.csv") for name in ("name_mapping", "survival_info"))
    assert list(names.columns) == [
        "Grade",
        "BraTS_2017_subject_ID",
        "BraTS_2018_subject_ID",
        "TCGA_TCIA_subject_ID",
        "BraTS_2019_subject_ID",
        "BraTS_2020_subject_ID",
    ]
    assert list(survival.columns) == ["Brats20ID", "Age", "Survival_days", "Extent_of_Resection"]
    assert list(names["BraTS_2020_subject_ID"]) == ["BraTS20_Training_001", "BraTS20_Training_002"]
    assert set(survival["Brats20ID"]) == set(names.loc[names["Grade"] == "HGG", "BraTS_2020_subject_ID"])


def test_brats_lies_lps_as_the_real_one(brats):
    image = nibabel.load(brats / "BraTS20_Training_001" / "BraTS20_Training_001_t1.nii.gz")
    assert nibabel.aff2axcodes(image.affine) == ("L", "P", "S")
    np.testing.assert_allclose(image.affine[:3, 3], [0.0, 239.0, 0.0])
