"""Compiling: where it pays, and with one line where it cannot be."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from medical_transformer.contracts import Backbone
from medical_transformer.training import TrainingConfig, compilation
from medical_transformer.training.compilation import BREAK_EVEN_VOXELS, compile_where_it_pays


class Watched(Backbone):
    """Remembers whether it was compiled."""

    compiled = False

    def forward(self, volumes: Any, *, maps: bool = False) -> Any:
        """Never called."""

    def compile_parts(self) -> None:
        """Remember."""
        self.compiled = True


@pytest.fixture(autouse=True)
def own_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", "elsewhere")


@pytest.mark.parametrize(
    ("device", "asked", "voxels", "expected"),
    [
        ("cpu", "auto", 1e15, False),
        ("cpu", "always", 1, True),
        ("cuda", "auto", BREAK_EVEN_VOXELS, True),
        ("cuda", "auto", BREAK_EVEN_VOXELS / 2, False),
        ("cuda", "never", 1e15, False),
    ],
)
def test_long_runs_on_a_card_are_compiled_and_others_where_it_is_asked_for(
    device: str, asked: Any, voxels: float, expected: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compilation, "choose_device", lambda _: device)
    monkeypatch.setattr(compilation, "has_compiler", lambda _: True)
    backbone = Watched()
    assert compile_where_it_pays(backbone, TrainingConfig(compile=asked), voxels) is expected
    assert backbone.compiled is expected


def test_without_a_compiler_one_line_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(compilation, "has_compiler", lambda _: False)
    assert not compile_where_it_pays(Watched(), TrainingConfig(compile="always", device="cpu"), 1)
    assert capsys.readouterr().err.count("No C++ compiler was found") == 1


@pytest.mark.parametrize(
    ("device", "there", "compiled"),
    [
        ("cpu", {*compilation.COMPILERS["cpu"].names}, True),
        ("cpu", {"gcc"}, False),
        ("cuda", {"gcc"}, True),
        ("cuda", {"clang"}, True),
        ("cuda", {"g++", "clang++"}, False),
        ("cuda", set(), False),
    ],
)
def test_the_compiler_of_the_chosen_device_is_looked_for(
    device: str, there: set[str], compiled: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """On a host with a card, whichever device was chosen."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(compilation.shutil, "which", lambda name: name if name in there else None)
    for variable in ("CC", "CXX"):
        monkeypatch.delenv(variable, raising=False)
    config = TrainingConfig(compile="always", device=device)  # type: ignore[arg-type]
    assert compile_where_it_pays(Watched(), config, 1) is compiled
    language = {"cpu": "C++", "cuda": "C"}[device]
    assert (f"No {language} compiler was found" in capsys.readouterr().err) is not compiled


def test_what_is_compiled_is_kept_where_the_user_wants_it(monkeypatch: pytest.MonkeyPatch) -> None:
    compilation.keep_compiled()
    assert os.environ["TORCHINDUCTOR_CACHE_DIR"] == "elsewhere"
    monkeypatch.delenv("TORCHINDUCTOR_CACHE_DIR")
    monkeypatch.setenv("XDG_CACHE_HOME", "/caches")
    compilation.keep_compiled()
    assert os.environ["TORCHINDUCTOR_CACHE_DIR"] == "/caches/medical-transformer/compiled"


@pytest.mark.journey
@pytest.mark.skipif(not compilation.has_compiler("cpu"), reason="needs a C++ compiler")
def test_a_compiled_network_gives_the_vectors_maps_and_gradients_of_an_eager_one(tmp_path: Path) -> None:
    """In a process of its own, because the compiler cannot see through the checks of shapes that tests run with."""
    environment = {**os.environ, "TORCHINDUCTOR_CACHE_DIR": str(tmp_path)}
    script = Path(__file__).with_name("compiled_and_eager.py")
    done = subprocess.run([sys.executable, script], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert any(tmp_path.rglob("*.so")), "nothing was compiled"
