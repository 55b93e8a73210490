"""Which of two scans with the same voxels is kept."""

import shutil
from pathlib import Path

import nibabel
import numpy as np
import pytest

from medical_transformer.cohorts import Cohort, Indexed, Ledger, Scan, Verdict, index
from medical_transformer.cohorts.checking import checked
from medical_transformer.cohorts.indexed import LedgerDraft


def index_copies(folder: Path, **scans: dict[str, object]) -> Indexed:
    """Check scans that all hold the same voxels, each under the fields that are given for it."""
    nibabel.Nifti1Image(np.arange(8 * 9 * 10, dtype=np.int16).reshape(8, 9, 10), np.eye(4)).to_filename(
        folder / "x.nii"
    )
    draft, found = LedgerDraft(), []
    for name, fields in scans.items():
        shutil.copy(folder / "x.nii", folder / f"{name}.nii")
        draft.scan(name, Verdict.USED, "Indexed.")
        described = {"subject": "ann", "images": {"T1w": Path(f"{name}.nii")}, **fields}
        found.append(Scan(name=name, **described))  # type: ignore[arg-type]
    return checked(Indexed(Cohort("copies", folder, tuple(found)), draft.finish(())))


def reason(ledger: Ledger, name: str) -> str:
    return next(entry.reason for entry in ledger.entries if entry.item == name)


LABELLED = {"labels": {"age_years": 70.0}}


@pytest.mark.parametrize(
    ("a", "b", "why"),
    [
        ({}, LABELLED, "more labels"),
        (LABELLED, {"labels": {"age_years": 70.0, "sex": "male"}, "subject": "bea"}, "more labels"),
        ({"session": "ses-1"}, {"segmentation": Path("b.nii"), "session": "ses-2"}, "more labels"),
        ({}, {"images": {"T1w": Path("b.nii"), "T2w": Path("a.nii")}}, "more images"),
        ({"session": "m12"}, {"session": "m6"}, "the earlier session"),
        ({"session": "m06"}, {"session": "sc"}, "the earlier session"),
        ({}, {"session": "ses-2"}, "the earlier session"),
    ],
)
def test_of_two_scans_with_the_same_voxels_the_better_described_is_kept_not_the_first_by_name(
    tmp_path: Path, a: dict[str, object], b: dict[str, object], why: str
) -> None:
    indexed = index_copies(tmp_path, a=a, b=b)
    assert [scan.name for scan in indexed.cohort.scans] == ["b"]
    assert f"Holds the same voxels as b of {'another' if 'subject' in b else 'the same'} subject" in reason(
        indexed.ledger, "a"
    )
    assert f"which is kept ({why})" in reason(indexed.ledger, "a")


def test_a_scan_whose_row_gives_no_label_is_kept_before_one_without_a_row(tmp_path: Path) -> None:
    for name in ("a", "b"):
        nibabel.Nifti1Image(np.arange(8 * 9 * 10, dtype=np.int16).reshape(8, 9, 10), np.eye(4)).to_filename(
            tmp_path / f"{name}.nii"
        )
    (tmp_path / "people.csv").write_text("file,subject,site\nb.nii,ann,HH\n")
    indexed = index(tmp_path)
    assert [scan.subject for scan in indexed.cohort.scans] == ["ann"]
    assert "which is kept (a row in a table)" in reason(indexed.ledger, "a")


def test_where_all_else_is_equal_the_first_name_is_kept_and_its_numbers_count_as_numbers(tmp_path: Path) -> None:
    indexed = index_copies(tmp_path, run10=LABELLED, run9=LABELLED)
    assert [scan.name for scan in indexed.cohort.scans] == ["run9"]
    assert "(the first by name)" in reason(indexed.ledger, "run10")


def test_a_head_under_two_subjects_is_refused_as_a_leak_whichever_is_kept(tmp_path: Path) -> None:
    indexed = index_copies(tmp_path, a={}, b={**LABELLED, "subject": "bea"})
    (refused,) = indexed.ledger.of(Verdict.REFUSED)
    assert (refused.item, [scan.name for scan in indexed.cohort.scans]) == ("a", ["b"])
    assert "find out whose head it is" in refused.reason
