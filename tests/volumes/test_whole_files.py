import multiprocessing
from collections.abc import Callable
from pathlib import Path

import pytest

from medical_transformer.volumes.whole_files import clear_leftovers, whole_file, write_bytes


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


def write_and_tell(path: Path, written: Callable[[], object], is_over: Callable[[], object]) -> None:
    with whole_file(path) as aside:
        aside.write_bytes(b"half")
        written()
        is_over()


def test_what_a_killed_process_left_is_cleared_and_what_a_living_one_writes_stays(tmp_path: Path) -> None:
    path = tmp_path / "a.npy"
    processes = multiprocessing.get_context("fork")
    written, over = processes.Event(), processes.Event()
    writer = processes.Process(target=write_and_tell, args=(path, written.set, over.wait), daemon=True)
    writer.start()
    assert written.wait(30)
    (half,) = tmp_path.iterdir()
    clear_leftovers(path)
    assert list(tmp_path.iterdir()) == [half]
    writer.kill()
    writer.join()
    clear_leftovers(tmp_path / "another.npy")
    assert list(tmp_path.iterdir()) == [half]
    clear_leftovers(path)
    assert not list(tmp_path.iterdir())
