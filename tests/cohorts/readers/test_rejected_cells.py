"""Every reader of a table says in the same words which of its cells are no labels."""

import pytest

from medical_transformer.cohorts import index

from .conftest import Lay
from .test_abide import NYU
from .test_adni import IMAGES as ADNI_IMAGES
from .test_adni import ROWS as ADNI_ROWS
from .test_brats import FIRST, case
from .test_camcan import IMAGES as CAMCAN_IMAGES
from .test_ixi import HEADER as IXI_HEADER

AGE, SEX = "not between 0 and 120", "neither female nor male"
ADNIMERGE = f"{ADNI_ROWS.splitlines()[0]}\n619,,,002_S_0619,2,bl,2006-06-01,AD,-5,x,12,22,Dementia,2006-06-01\n"

# Images, the table and its text, how the ledger begins, and the columns of the age and the sex.
TABLES = {
    "ixi": (
        ["IXI012-HH-1211-T1.nii"],
        ("IXI.csv", f"{IXI_HEADER}12,x,175,70,1,2,1,5,1966-08-20,1,2005-06-01,-5\n"),
        "Gave height_cm, weight_kg",
        ("AGE", "SEX_ID (1=m, 2=f)"),
    ),
    "abide": (
        [NYU],
        ("Phenotypic.csv", "SUB_ID,DX_GROUP,AGE_AT_SCAN,SEX\n50952,1,-5,x\n"),
        "Gave diagnosis",
        ("AGE_AT_SCAN", "SEX"),
    ),
    "adni": (
        [ADNI_IMAGES[2]],
        ("ADNIMERGE.csv", ADNIMERGE),
        "Gave labels to a scan of this subject",
        ("AGE", "PTGENDER"),
    ),
    "camcan": (
        CAMCAN_IMAGES[:1],
        ("anat/participants.tsv", "participant_id\tage\tgender_code\ttiv\nCC110033\t-5\tx\t1.5\nCC9\t5\t1\t1.5\n"),
        "Gave tiv",
        ("age", "gender_code"),
    ),
    "brats": (
        case(FIRST),
        ("survival_info.csv", f"Brats20ID,Age,Survival_days\n{FIRST},-5,289\n"),
        "Gave survival_days",
        ("Age", ""),
    ),
}


@pytest.mark.parametrize("layout", TABLES)
def test_cells_that_are_no_labels_are_named_in_the_ledger_and_in_a_note(lay: Lay, layout: str) -> None:
    images, (table, text), gave, (age, sex) = TABLES[layout]
    indexed = index(lay(*images, texts={table: text}), layout=layout, where=[])
    row = next(entry.reason for entry in indexed.ledger.entries if entry.item == f"{table} row 2")
    told = f"{gave}; age_years '-5' was left out: {AGE}"
    assert row == (f"{told}; sex 'x' was left out: {SEX}." if sex else f"{told}.")
    name = table.rpartition("/")[2]
    lost = f"1 of the table's {'2 cells' if layout == 'camcan' else '1 cell'} left out"
    assert f"{name}, {age}: {lost} ('-5'), {AGE}." in indexed.notes
    assert not sex or f"{name}, {sex}: {lost} ('x'), {SEX}." in indexed.notes
