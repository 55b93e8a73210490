from collections.abc import Iterator
from pathlib import Path

import pytest

from medical_transformer.cohorts.tables import write_table


def test_a_table_that_fails_half_way_leaves_the_old_one(tmp_path: Path) -> None:
    def rows() -> Iterator[list[str]]:
        yield ["new"]
        raise OSError("the disk is full")

    write_table(tmp_path / "t.tsv", ("a",), [["old"]])
    with pytest.raises(OSError, match="full"):
        write_table(tmp_path / "t.tsv", ("a",), rows())
    assert (tmp_path / "t.tsv").read_text() == "a\nold\n"
    assert [path.name for path in tmp_path.iterdir()] == ["t.tsv"]
