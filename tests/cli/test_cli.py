"""The command line: exit status, messages, and the same names as the functions."""

import errno
import inspect
import json
import os
import runpy
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

import medical_transformer
from medical_transformer.cli import main
from medical_transformer.cli.app import VERBS, build_app
from medical_transformer.cli.options import writable
from medical_transformer.cohorts import Cohort
from medical_transformer.errors import ConfigError
from medical_transformer.experiments import METHODS
from medical_transformer.tasks import shipped_models
from medical_transformer.volumes import Grid, Volume, write_volume
from medical_transformer.volumes.claims import claimed


def medtrans(*words: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from medical_transformer.cli import main; main()", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def build_command() -> Any:
    return typer.main.get_command(build_app())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two scans and a table that knows one of them."""
    draw = np.random.default_rng(0)
    for name in ("ann", "bob"):
        volume = Volume(draw.random((12, 14, 10), dtype=np.float32), Grid((12, 14, 10), np.diag([10.0, 9.0, 11.0, 1])))
        write_volume(volume, tmp_path / "scans" / f"{name}_T1w.nii.gz")
    (tmp_path / "scans" / "table.csv").write_text("subject,age_years\nann,41.5\n", encoding="utf-8")
    return tmp_path / "scans"


def test_every_verb_is_a_function_of_the_same_name() -> None:
    work = {verb.__name__ for verb in VERBS} - {"draw", "demo"}
    assert work <= set(medical_transformer.__all__)
    assert all(callable(getattr(medical_transformer, name)) for name in work)


def test_indexing_ends_with_status_0_and_leaves_a_cohort_and_a_ledger(folder: Path, tmp_path: Path) -> None:
    done = medtrans("index", folder, "--out", tmp_path / "cohort")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "cohort" / "cohort.tsv").is_file()
    assert (tmp_path / "cohort" / "ledger.tsv").is_file()


def test_a_dry_run_writes_nothing(folder: Path, tmp_path: Path) -> None:
    before = sorted(tmp_path.rglob("*"))
    done = medtrans("index", folder, "--dry-run", "--json")
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert (said["scans"], said["subjects"], said["labels"]) == (2, 2, ["age_years"])
    assert {group["verdict"] for group in said["groups"]} >= {"used"}
    assert "ledger" not in said
    assert sorted(tmp_path.rglob("*")) == before


def test_rows_without_an_image_share_a_line_unless_every_line_is_asked_for(folder: Path) -> None:
    rows = "".join(f"{name},30\n" for name in ("carl", "dora", "emil", "fritz", "gina"))
    (folder / "table.csv").write_text(f"subject,age_years\nann,41.5\n{rows}", encoding="utf-8")
    shown = medtrans("index", folder, "--dry-run").stdout
    assert "skipped\t5 rows\tNo image that belongs to this row is here.\ttable.csv row 3, table.csv row 4" in shown
    assert shown.count("No image that belongs") == 1
    assert medtrans("index", folder, "--dry-run", "--verbose").stdout.count("No image that belongs") == 5


def test_damaged_images_end_with_status_1_and_a_line_each(folder: Path, tmp_path: Path) -> None:
    whole = (folder / "bob_T1w.nii.gz").read_bytes()
    for name in ("bob", "carl", "dora", "emil", "fritz"):
        (folder / f"{name}_T1w.nii.gz").write_bytes(whole[:-100])
    (folder / "gina_T1w.img").write_bytes(b"x" * 400)
    done = medtrans("index", folder, "--out", tmp_path / "cohort")
    assert done.returncode == 1
    said = (done.stdout + done.stderr).splitlines()
    for name in ("bob", "carl", "dora", "emil", "fritz"):
        (line,) = [line for line in said if f"{name}_T1w.nii.gz is cut short" in line]
        assert line.startswith(f"refused\tscan\t{name}\t")
    (line,) = [line for line in said if "gina_T1w.hdr is missing" in line]
    assert line.startswith("refused\tfile\tgina_T1w.img\t")


@pytest.mark.parametrize(
    "words",
    [
        ("index", "nowhere", "--out", "x"),
        ("index", "nowhere"),
        ("prepare", "nowhere", "--out", "x"),
        ("finetune", "nowhere", "--out", "x", "--label", "age_years"),
        ("predict", "a.nii.gz", "--model", "nowhere", "--out", "x"),
        ("fly",),
        ("evaluate", "nowhere", "--out", "x", "--label", "age_years", "--folds", "2"),
    ],
)
def test_wrong_usage_ends_with_status_2_and_no_traceback(words: tuple[str, ...], tmp_path: Path) -> None:
    done = medtrans(*[tmp_path / word if word in ("nowhere", "x") else word for word in words])
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("verb", "beside", "named"),
    [
        ("finetune", ["--learning-rate", "0.01"], "--learning-rate"),
        ("finetune", ["--no-augment", "--label=sex"], "--no-augment, --label"),
        ("evaluate", ["-o", "elsewhere"], "-o"),
        ("pretrain", ["scans", "--seed", "3"], "--seed, scans"),
    ],
)
def test_what_a_resumed_run_would_not_heed_is_refused_by_name(
    verb: str, beside: list[str], named: str, tmp_path: Path
) -> None:
    for words in ([verb, *beside, "--resume", str(tmp_path)], [verb, f"--resume={tmp_path}", *beside]):
        with pytest.raises(ConfigError, match=f"so {named} would count for nothing; leave"):
            build_command()(words, standalone_mode=False)
    with pytest.raises(ConfigError, match="holds no run that could be resumed"):
        build_command()([verb, "--resume", str(tmp_path)], standalone_mode=False)


WRITING = [verb.__name__ for verb in VERBS if "out" in inspect.signature(verb).parameters]


def test_all_verbs_but_the_lists_write_into_a_folder() -> None:
    assert {verb.__name__ for verb in VERBS} - set(WRITING) == {"models", "methods"}


@pytest.mark.parametrize("verb", WRITING)
def test_an_out_that_cannot_be_a_folder_is_one_line_before_any_work(
    verb: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("here", encoding="utf-8")
    monkeypatch.setattr(sys, "argv", ["medtrans", verb, "--out", str(tmp_path / "file" / "below")])
    with pytest.raises(SystemExit) as ended:
        main()
    said = capsys.readouterr().err
    assert ended.value.code == 2
    assert said.count("\n") == 1
    assert f"{tmp_path / 'file'} is not a folder" in said


def test_an_out_that_may_not_be_written_to_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = os.mkdir

    def refusing(place: str, *rights: Any) -> None:  # root may write everywhere
        if Path(place).parent == tmp_path:
            raise OSError(errno.EROFS, os.strerror(errno.EROFS), place)
        made(place, *rights)

    (tmp_path / "there").mkdir()
    monkeypatch.setattr(os, "mkdir", refusing)
    with pytest.raises(ConfigError, match=rf"{tmp_path} cannot be written to \(read-only file system\)"):
        writable(tmp_path / "new" / "folder")
    assert writable(tmp_path / "there") == tmp_path / "there"
    assert not list((tmp_path / "there").iterdir())


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="this system has no folder that takes nothing from anybody")
def test_an_out_that_nobody_may_write_to_is_wrong_usage(folder: Path) -> None:
    done = medtrans("index", folder, "--out", "/proc/x")
    assert done.returncode == 2
    assert "--out /proc/x: /proc cannot be written to (no such file or directory)" in done.stderr


@pytest.mark.parametrize("words", [("--help",), *((verb.__name__, "--help") for verb in VERBS)])
def test_help_shows_no_type_for_a_flag(words: tuple[str, ...]) -> None:
    shown = CliRunner().invoke(build_app(), words).stdout
    assert "--help" in shown
    assert "<bool>" not in shown


def test_models_prints_what_ships_as_json() -> None:
    assert [one["name"] for one in json.loads(medtrans("models", "--json").stdout)] == list(shipped_models())


@pytest.fixture(scope="module")
def listed() -> dict[str, dict[str, Any]]:
    """Return what `methods --json` lists: kinds of methods, each by name."""
    found = json.loads(CliRunner().invoke(build_app(), ["methods", "--json"]).stdout)
    kinds = dict.fromkeys(one["kind"] for one in found)
    return {kind: {one["name"]: one for one in found if one["kind"] == kind} for kind in kinds}


def test_methods_prints_the_counts_of_table_3_as_json(listed: dict[str, dict[str, Any]]) -> None:
    counts = listed["backbone"]["medical-transformer"]["parameters"]
    assert counts == {"classification": 2_402_163, "regression": 2_401_777, "segmentation": 2_410_756}


def test_methods_lists_every_way_to_pretrain_with_its_source_and_backbones(listed: dict[str, dict[str, Any]]) -> None:
    pretraining, backbones = listed["pretraining"], set(listed["backbone"])
    assert set(pretraining) == set(METHODS)
    of_slices = {"medical-transformer", "slice-tissues"}
    for name in of_slices:
        assert pretraining[name]["backbones"] == ["medical-transformer"], name
    for name in set(METHODS) - of_slices:
        assert set(pretraining[name]["backbones"]) == backbones, name
    assert {one["source"] for name, one in pretraining.items() if name.startswith("3d-")} == {"arXiv 2006.03829"}
    assert pretraining["3d-cpc"]["publication"].startswith("Taleb et al. 2020")
    assert "patent" in pretraining["models-genesis"]["note"]


def test_methods_lists_the_classical_baseline(listed: dict[str, dict[str, Any]]) -> None:
    assert listed["classical"]["tissue-volumes"]["source"].startswith("Ashburner and Friston 2005")


def test_methods_tells_source_and_licence_of_everything_in_words_as_in_json(listed: dict[str, dict[str, Any]]) -> None:
    lines = CliRunner().invoke(build_app(), ["methods"]).stdout.splitlines()
    for method in (one for methods in listed.values() for one in methods.values()):
        told = (f"{method['name']}: {method['title']}; {method['source']}", f"; {method['licence']}", method["note"])
        assert any(line.startswith(told[0]) and all(part in line for part in told) for line in lines), method["name"]
        assert method["licence"] == "Apache-2.0"


def test_methods_in_words_names_everything_that_its_json_names(listed: dict[str, dict[str, Any]]) -> None:
    lines = CliRunner().invoke(build_app(), ["methods"]).stdout.splitlines()
    for kind, methods in listed.items():
        for name in methods:
            assert any(line.startswith(f"{name}: ") for line in lines), (kind, name)
    assert any("taught on video in colour, in [-1, 1] (intensities: symmetric)" in line for line in lines)
    assert any(line.startswith("3d-rotation: ") and "any backbone" in line for line in lines)


def test_sigterm_ends_a_verb_as_an_interruption_does(monkeypatch: pytest.MonkeyPatch) -> None:
    tidied = []

    def work() -> None:
        try:
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(60)
        finally:
            tidied.append(True)

    monkeypatch.setattr(medical_transformer.cli, "build_app", lambda: work)
    before = signal.getsignal(signal.SIGTERM)
    try:
        with pytest.raises(SystemExit) as ended:
            main()
    finally:
        signal.signal(signal.SIGTERM, before)
    assert (ended.value.code, tidied) == (128 + signal.SIGTERM, [True])


@pytest.mark.parametrize("verb", ["prepare", "pretrain"])
def test_a_folder_that_another_run_holds_ends_a_verb_with_status_1(
    verb: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    Cohort("c", tmp_path, ()).save(tmp_path / "cohort")
    monkeypatch.setattr(sys, "argv", ["medtrans", verb, str(tmp_path / "cohort"), "--out", str(tmp_path / "run")])
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    with claimed(tmp_path / "run"), pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 1
    assert "is being written to by another run" in capsys.readouterr().err


def test_help_does_not_load_torch() -> None:
    script = (
        "import sys; sys.argv = ['medtrans', '--help']\n"
        "from medical_transformer.cli import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "assert 'torch' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_package_can_be_run_as_a_module(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []
    monkeypatch.setattr("medical_transformer.cli.main", lambda: calls.append("main"))
    runpy.run_module("medical_transformer", run_name="__main__")
    assert calls == ["main"]


def test_a_second_sigterm_ends_what_does_not_end_by_the_first() -> None:
    told = (
        "import os, signal\nfrom medical_transformer import cli\n"
        "def wait():\n"
        "    try:\n        os.kill(os.getpid(), signal.SIGTERM)\n"
        "    finally:\n        os.kill(os.getpid(), signal.SIGTERM)\n"
        "cli.build_app = lambda: wait\ncli.main()\n"
    )
    assert subprocess.run([sys.executable, "-c", told], check=False).returncode == -signal.SIGTERM
