"""A damaged file of our own is named."""

from pathlib import Path

import pytest

from medical_transformer.cohorts.tables import read_json, write_json
from medical_transformer.errors import CohortError


def test_what_is_written_is_read(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"name": "Ångström", "sizes": [1, 2]})
    assert read_json(tmp_path / "a.json") == {"name": "Ångström", "sizes": [1, 2]}


@pytest.mark.parametrize("content", [b"{", b"[1]", b"\xff\xfe", b""])
def test_a_damaged_file_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.json").write_bytes(content)
    with pytest.raises(CohortError, match=r"a\.json: damaged"):
        read_json(tmp_path / "a.json")
