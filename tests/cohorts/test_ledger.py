from pathlib import Path

import pytest

from medical_transformer.cohorts import Entry, Ledger, Verdict
from medical_transformer.cohorts.ledger import line_of
from medical_transformer.cohorts.people import what_is_known

LEDGER = Ledger(
    (
        Entry("a.nii", "file", Verdict.USED, "a", "The image of a."),
        Entry("b.nii", "file", Verdict.REFUSED, "b", "b.nii is empty (0 bytes)."),
        Entry("t.csv row 2", "row", Verdict.USED, "a", 'It says "a"\tand more.'),
    )
)


def test_saving_and_loading_a_ledger_changes_nothing(tmp_path: Path) -> None:
    LEDGER.save(tmp_path / "ledger.tsv")
    assert Ledger.load(tmp_path / "ledger.tsv") == LEDGER


def test_verdicts_are_counted_by_kind() -> None:
    assert LEDGER.counts("file") == {Verdict.USED: 1, Verdict.REFUSED: 1}


def test_entries_are_found_by_verdict() -> None:
    assert [entry.item for entry in LEDGER.of(Verdict.REFUSED)] == ["b.nii"]


def test_the_line_about_an_item_names_it_once() -> None:
    assert line_of("s1", "prepared", "", "") == "s1: prepared"
    assert line_of("a.nii.gz", "refused", "", "/my scans/a.nii.gz: truncated.") == "a.nii.gz: refused | truncated."
    assert line_of("s1", "warned", "age 71", "Small.") == "s1: warned | age 71 | Small."


def test_entries_of_one_reason_are_collapsed_with_examples() -> None:
    rows = [Entry(f"t.csv row {n}", "row", Verdict.SKIPPED, f"s{n}", "No image is here.") for n in range(2, 9)]
    (group,) = Ledger(tuple(rows)).groups(examples=2)
    assert (group.count, group.reason, group.examples) == (7, "No image is here.", ("t.csv row 2", "t.csv row 3"))


@pytest.mark.parametrize(
    ("entries", "told"),
    [
        pytest.param(
            (
                Entry("a.nii", "file", Verdict.USED, "a", "The T1w image."),
                Entry("a", "scan", Verdict.USED, "a", what_is_known(None)),
                Entry("t.csv row 2", "row", Verdict.SKIPPED, "b", "No image is here."),
                Entry("t.csv row 3", "row", Verdict.REFUSED, "", "It does not say whom it is about."),
                Entry("c", "scan", Verdict.USED, "c", "Indexed with labels."),
            ),
            ["a", "t.csv row 3"],
            id="what was refused and what lacks labels",
        ),
        pytest.param(
            (
                Entry("a.nii", "file", Verdict.REFUSED, "a", "a.nii is empty."),
                Entry("b.nii", "file", Verdict.REFUSED, "", "Of no scan."),
                Entry("a", "scan", Verdict.REFUSED, "a", "a.nii is empty."),
            ),
            ["b.nii", "a"],
            id="a refused scan speaks for its files",
        ),
    ],
)
def test_what_a_person_should_know_needs_a_look(entries: tuple[Entry, ...], told: list[str]) -> None:
    assert [entry.item for entry in Ledger(entries).needing_a_look().entries] == told


def test_reasons_that_differ_in_names_only_are_one_group_and_modalities_stay() -> None:
    entries = (
        Entry("x/a.nii", "file", Verdict.USED, "anna", "The T1w image of anna, not b12_T1.nii."),
        Entry("x/c.nii", "file", Verdict.USED, "carl", "The T1w image of carl, not d34_T1.nii."),
        Entry("x/c.nii", "file", Verdict.USED, "carl", "The T2w image of carl, not d34_T1.nii."),
        Entry("x/d.nii", "file", Verdict.REFUSED, "dora", "The T1w image of dora, not d34_T1.nii."),
    )
    assert [(group.count, group.reason) for group in Ledger(entries).groups()] == [
        (2, "The T1w image of … not …"),
        (1, "The T2w image of carl, not d34_T1.nii."),
        (1, "The T1w image of dora, not d34_T1.nii."),
    ]
