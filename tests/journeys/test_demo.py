"""The demo, as `make demo` runs it."""

import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.journey
def test_the_demo_goes_from_drawn_scans_to_three_reports(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "from medical_transformer.cli import main; main()", "demo", "--out", tmp_path]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    assert str(tmp_path / "report.html") in done.stderr
    for task in ("diagnosis", "age", "tumour"):
        assert (tmp_path / "evaluated" / task / "report.html").is_file()
    assert len(list((tmp_path / "predicted").rglob("predictions.tsv"))) == 2
