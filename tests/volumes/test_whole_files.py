from pathlib import Path

import pytest

from medical_transformer.volumes.whole_files import whole_file, write_bytes


def test_a_file_appears_under_its_name_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "new folder" / "a.nii.gz"
    with whole_file(path) as aside:
        aside.write_bytes(b"half")
        assert not path.exists()
        assert aside.name.endswith(".nii.gz")
    assert path.read_bytes() == b"half"
    assert list(path.parent.iterdir()) == [path]


def test_a_failure_leaves_the_earlier_file_and_nothing_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    write_bytes(path, b"earlier")

    def half() -> None:
        with whole_file(path) as aside:
            aside.write_bytes(b"ha")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        half()
    assert path.read_bytes() == b"earlier"
    assert list(tmp_path.iterdir()) == [path]
