"""What holds for every public function of the package alike."""

import inspect
from pathlib import Path

import pytest

import medical_transformer
from medical_transformer.errors import ConfigError

WRITING = [
    name
    for name in medical_transformer.__all__
    if inspect.isfunction(job := getattr(medical_transformer, name)) and "out" in inspect.signature(job).parameters
]


def test_eight_verbs_write_into_a_folder() -> None:
    assert WRITING == ["compare", "evaluate", "export", "finetune", "index", "predict", "prepare", "pretrain"]


@pytest.mark.parametrize("place", ["file", "file/below", pytest.param("/proc/x", id="proc")])
@pytest.mark.parametrize("verb", WRITING)
def test_an_out_that_takes_no_files_is_an_error_of_the_package_before_any_work(
    verb: str, place: str, tmp_path: Path
) -> None:
    if place.startswith("/proc") and not Path("/proc").is_dir():
        pytest.skip("this system has no folder that takes nothing from anybody")
    (tmp_path / "file").write_text("here", encoding="utf-8")
    job = getattr(medical_transformer, verb)
    needed = [name for name, one in inspect.signature(job).parameters.items() if one.default is one.empty]
    with pytest.raises(ConfigError, match=r"(file is not a folder|proc cannot be written to).*; choose another place"):
        job(**(dict.fromkeys(needed) | {"out": tmp_path / place}))
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
