from pathlib import Path

from medical_transformer.cohorts import Entry, Ledger, Verdict
from medical_transformer.cohorts.ledger import line_of

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
