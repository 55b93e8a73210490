"""Compiling: where it pays, and with one line where it cannot be."""

import os
from typing import Any

import pytest

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
    monkeypatch.setattr(compilation, "has_compiler", lambda: True)
    backbone = Watched()
    assert compile_where_it_pays(backbone, TrainingConfig(compile=asked), voxels) is expected
    assert backbone.compiled is expected


def test_without_a_compiler_one_line_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(compilation, "has_compiler", lambda: False)
    assert not compile_where_it_pays(Watched(), TrainingConfig(compile="always", device="cpu"), 1)
    assert capsys.readouterr().err.count("No C++ compiler was found") == 1


def test_what_is_compiled_is_kept_where_the_user_wants_it(monkeypatch: pytest.MonkeyPatch) -> None:
    compilation.keep_compiled()
    assert os.environ["TORCHINDUCTOR_CACHE_DIR"] == "elsewhere"
    monkeypatch.delenv("TORCHINDUCTOR_CACHE_DIR")
    monkeypatch.setenv("XDG_CACHE_HOME", "/caches")
    compilation.keep_compiled()
    assert os.environ["TORCHINDUCTOR_CACHE_DIR"] == "/caches/medical-transformer/compiled"
