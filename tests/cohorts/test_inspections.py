import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import nibabel
import numpy as np
import pytest

from medical_transformer.cohorts import checking, index, inspections
from medical_transformer.cohorts.inspection import Inspected
from medical_transformer.cohorts.inspections import FileStates, known_already

NAMES = ("a_T1w.nii", "b_T1w.nii", "c_T1w.nii")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    for number, name in enumerate(NAMES):
        voxels = np.full((8, 9, 10), number, np.uint8)
        nibabel.Nifti1Image(voxels, np.eye(4)).to_filename(tmp_path / "data" / name)
    return tmp_path / "data"


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the names of the scans whose files are read from now on."""
    names: list[str] = []
    inspect = checking.inspect_scan

    def noted(scan: checking.Scan, root: Path) -> checking.Inspected:
        names.append(scan.images["T1w"].name)
        return inspect(scan, root)

    monkeypatch.setattr(checking, "inspect_scan", noted)
    return names


@pytest.fixture
def settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let files that were written just now count as old."""
    monkeypatch.setattr(inspections, "COARSEST_CLOCK_NS", -(10**15))


@pytest.mark.usefixtures("settled")
def test_files_that_have_not_changed_are_read_once_and_give_the_same_cohort(source: Path, read: list[str]) -> None:
    first = index(source, source.parent / "out")
    assert sorted(read) == list(NAMES)
    again = index(source, source.parent / "out")
    assert sorted(read) == list(NAMES)
    assert (again.cohort, again.ledger) == (first.cohort, first.ledger)


def with_a_new_time(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    os.utime(path, ns=(0, 1))


def with_another_size_and_the_old_time(path: Path) -> None:
    time = path.stat().st_mtime_ns
    path.write_bytes(path.read_bytes() + b"x")
    os.utime(path, ns=(time, time))


def with_the_old_size_and_time(path: Path) -> None:
    time = path.stat().st_mtime_ns
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    os.utime(path, ns=(time, time))


@pytest.mark.usefixtures("settled")
@pytest.mark.parametrize("change", [with_a_new_time, with_another_size_and_the_old_time, with_the_old_size_and_time])
def test_a_file_that_has_changed_is_read_again(source: Path, read: list[str], change: Callable[[Path], None]) -> None:
    before = index(source, source.parent / "out").cohort.scans[1].content_hash
    read.clear()
    change(source / "b_T1w.nii")
    assert index(source, source.parent / "out").cohort.scans[1].content_hash != before
    assert read == ["b_T1w.nii"]


def test_a_file_that_was_changed_just_now_is_not_trusted(source: Path, read: list[str]) -> None:
    index(source, source.parent / "out")
    index(source, source.parent / "out")
    assert sorted(read) == sorted([*NAMES, *NAMES])


@pytest.mark.usefixtures("settled")
def test_what_was_refused_is_looked_at_again(source: Path, read: list[str]) -> None:
    (source / "b_T1w.nii").write_bytes(b"")
    index(source, source.parent / "out")
    read.clear()
    assert [scan.name for scan in index(source, source.parent / "out").cohort.scans] == ["a", "c"]
    assert read == ["b_T1w.nii"]


@pytest.mark.usefixtures("settled")
@pytest.mark.parametrize(
    "damage",
    [
        lambda text: "",
        lambda text: text[:-9],
        lambda text: text + "[[], []]\n",
        lambda text: text.replace(inspections.RULES, "inspections 0"),
    ],
)
def test_damaged_lines_and_those_of_other_rules_are_not_believed(
    source: Path, read: list[str], damage: Callable[[str], str]
) -> None:
    index(source, source.parent / "out")
    kept = source.parent / "out" / inspections.NAME
    kept.write_text(damage(kept.read_text()))
    read.clear()
    index(source, source.parent / "out")
    assert sorted(read) == list(NAMES)


@pytest.mark.parametrize("place", [0, 1, 2])
def test_size_time_of_change_and_time_of_status_must_all_be_the_same(place: int) -> None:
    states = FileStates(("a.nii",), (2880, 5, 7), 10)
    known = {states.addresses: (states.numbers, Inspected("", "0123", ("4567",)))}
    assert known_already(known, states) == Inspected("", "0123", ("4567",))
    other = tuple(number + (place == at) for at, number in enumerate(states.numbers))
    assert known_already(known, replace(states, numbers=other)) is None
