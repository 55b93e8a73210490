"""What a person is told of a preparation."""

from pathlib import Path

from medical_transformer.cohorts import Ledger, Verdict
from medical_transformer.cohorts.ledger import Entry
from medical_transformer.preprocessing.announcing import summary


def test_the_end_names_the_first_scans_to_look_at_and_where_the_others_are(tmp_path: Path) -> None:
    verdicts = [Verdict.PREPARED, *[Verdict.WARNED] * 4, *[Verdict.REFUSED] * 3]
    reasons = ["", *["The brain's volume in ml is 870, below 900."] * 4, "Word " * 99, "Damaged.", "Empty."]
    entries = (Entry(f"s{n}", "scan", verdict, "", reasons[n]) for n, verdict in enumerate(verdicts))
    head, *named, counts = summary(Ledger(tuple(entries)), 0, tmp_path)
    assert head == f"Look at these (the first 5 of 7); {tmp_path / 'ledger.tsv'} has every scan:"
    assert [line.partition(":")[0] for line in named] == ["· s5", "· s6", "· s7", "· s1", "· s2"]
    assert named[1] == "· s6: refused | Damaged."
    assert max(map(len, named)) <= 300
    assert counts == f"1 prepared, 4 warned, 3 refused → {tmp_path}"
    assert len(list(summary(Ledger((Entry("s0", "scan", Verdict.PREPARED, "", ""),)), 0, tmp_path))) == 1
