from pathlib import Path

import pytest

from medical_transformer.cohorts import Cohort, Entry, Indexed, Ledger, Scan, Verdict
from medical_transformer.cohorts.selection import Condition, select
from medical_transformer.errors import CohortError


def scan(name: str, session: str | None = None, **labels: float | str) -> Scan:
    return Scan(subject=name, name=name, images={"T1w": Path(f"{name}.nii")}, session=session, labels=labels)


SCANS = (
    scan("ann", "bl", age_years=12.9, diagnosis="CN"),
    scan("bob", "m12", age_years=13.0, diagnosis="MCI"),
    scan("cid", "bl", diagnosis="AD"),
    scan("dan", None, age_years=80.0),
)
LEDGER = Ledger(
    (
        *(Entry(one.name, "scan", Verdict.USED, one.name, "Indexed.") for one in SCANS),
        *(Entry(f"{one.name}.nii", "file", Verdict.USED, one.name, "Its image.") for one in SCANS),
        Entry("t.csv row 2", "row", Verdict.USED, "ann", "Gave its labels.", frozenset({"ann"})),
        Entry("t.csv row 3", "row", Verdict.USED, "bob", "Gave its labels.", frozenset({"bob", "dan"})),
    )
)
INDEXED = Indexed(Cohort("test", Path("data"), SCANS), LEDGER, ())


def kept(*conditions: str, unknown_too: bool = False) -> list[str]:
    found = select(INDEXED, [Condition.parse(one) for one in conditions], unknown_too=unknown_too)
    return [one.name for one in found.cohort.scans]


@pytest.mark.parametrize(
    ("condition", "names"),
    [
        ("age_years>=13", ["bob", "dan"]),
        ("age_years > 13", ["dan"]),
        ("age_years<13", ["ann"]),
        ("age_years=13", ["bob"]),
        ("diagnosis=CN,AD", ["ann", "cid"]),
        ("diagnosis!=CN,AD", ["bob"]),
        ("session=bl", ["ann", "cid"]),
        ("subject!=ann", ["bob", "cid", "dan"]),
    ],
)
def test_scans_that_meet_a_condition_are_kept(condition: str, names: list[str]) -> None:
    assert kept(condition) == names


def test_all_conditions_must_hold() -> None:
    assert kept("session=bl", "diagnosis=AD") == ["cid"]


def test_what_is_usual_keeps_those_of_whom_it_is_not_known() -> None:
    assert kept("age_years>=13", unknown_too=True) == ["bob", "cid", "dan"]


def test_the_ledger_says_what_was_left_out_and_why() -> None:
    found = select(INDEXED, [Condition.parse("age_years>=13")], unknown_too=False)
    reasons = {entry.item: (entry.verdict, entry.reason) for entry in found.ledger.entries}
    assert reasons["ann"] == reasons["ann.nii"] == (Verdict.SKIPPED, "Left out: age_years is 12.9, not >=13.")
    assert reasons["cid"][1] == "Left out: age_years is not known, so age_years>=13 cannot be told."
    assert reasons["t.csv row 2"] == (Verdict.SKIPPED, "Its scan ann was left out.")
    assert found.notes == ("Left out by age_years>=13: 2 of 4 usable scans (1 of which it is not known).",)


@pytest.mark.parametrize(
    ("condition", "reason"),
    [
        ("diagnosis=CN", "Left out: diagnosis is MCI, not CN."),
        ("diagnosis=CN, AD", "Left out: diagnosis is MCI, not one of CN, AD."),
        ("diagnosis!=AD,MCI", "Left out: diagnosis is MCI."),
    ],
)
def test_the_reason_is_a_sentence_whatever_the_sign(condition: str, reason: str) -> None:
    found = select(INDEXED, [Condition.parse(condition)], unknown_too=True)
    assert reason in {entry.reason for entry in found.ledger.entries if entry.item == "bob"}


def test_a_row_is_left_out_with_the_last_of_its_scans() -> None:
    def row(indexed: Indexed) -> tuple[Verdict, str]:
        return next((one.verdict, one.reason) for one in indexed.ledger.entries if one.item == "t.csv row 3")

    first = select(INDEXED, [Condition.parse("subject!=bob")], unknown_too=False)
    assert row(first) == (Verdict.USED, "Gave its labels.")
    second = select(first, [Condition.parse("subject!=dan")], unknown_too=False)
    assert row(second) == (Verdict.SKIPPED, "Its scans bob, dan were left out.")


@pytest.mark.parametrize("text", ["age_years", "=3", "age_years>=old", "age_years~3"])
def test_what_is_no_comparison_is_refused(text: str) -> None:
    with pytest.raises(CohortError, match="The condition"):
        Condition.parse(text)


def test_a_label_that_no_scan_has_is_refused_with_those_that_exist() -> None:
    with pytest.raises(CohortError, match="'age'; there are: age_years, diagnosis, session"):
        kept("age>=13")


def test_conditions_that_nobody_meets_are_refused_with_the_values_there_are() -> None:
    with pytest.raises(CohortError, match="Of 4 scans none meets diagnosis=cn"):
        kept("diagnosis=cn")
