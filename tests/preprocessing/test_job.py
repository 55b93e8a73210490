"""What becomes of a scan that an earlier run has done."""

import json
import re
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from medical_transformer.cohorts import Cohort, Ledger, Verdict
from medical_transformer.preprocessing import PipelineConfig, Prepared, prepare
from medical_transformer.preprocessing.derivatives import read_sidecar
from medical_transformer.preprocessing.job import KEPT, LEFT
from medical_transformer.preprocessing.names import ScanFiles
from medical_transformer.preprocessing.workers import Died
from medical_transformer.volumes import read_label_map, write_volume

MakeCohort = Callable[..., Cohort]
Pictured = Callable[[Path], set[Verdict]]
QUIET = Console(quiet=True)


def files(folder: Path) -> dict[str, float]:
    """Path to time of last change, of everything below a folder."""
    return {path.as_posix(): path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}


@dataclass(frozen=True, slots=True)
class Run:
    """Two scans, and the folder into which they were prepared once."""

    raw: Cohort
    out: Path
    config: PipelineConfig
    first: Prepared

    @property
    def source(self) -> Path:
        """The image of the second scan."""
        return self.raw.root / "s1_T1w.nii.gz"

    @property
    def figure(self) -> Path:
        """The picture of the second scan."""
        return self.out / ScanFiles.of(self.raw.scans[1], self.config).figure

    def again(self, config: PipelineConfig | None = None) -> Prepared:
        """Prepare the same scans into the same folder, also where another pipeline did so before."""
        return prepare(self.raw, self.out, config or self.config, workers=0, replace=True, console=QUIET)

    def images(self) -> dict[str, float]:
        """Return the images of the second scan with their times of change."""
        return {path: time for path, time in files(self.out / "sub-s1").items() if path.endswith(".nii.gz")}

    def verdicts(self) -> set[tuple[str, str]]:
        """Return verdict and reason of the second scan, as ledger, page and sidecar have them."""
        scan = self.raw.scans[1]
        (entry,) = (one for one in Ledger.load(self.out / "ledger.tsv").entries if one.item == scan.name)
        page = (self.out / "quality.html").read_text(encoding="utf-8")
        scans = json.loads(re.findall(r'id="data">(.*?)</script>', page, re.DOTALL)[0])["scans"]
        (card,) = (one for one in scans if one["scan"] == scan.name)
        said = json.loads((self.out / ScanFiles.of(scan, self.config).sidecar).read_text())
        return {(entry.verdict, entry.reason), *((one["verdict"], one["reason"]) for one in (card, said))}


@pytest.fixture
def run(make_cohort: MakeCohort, quick: PipelineConfig, tmp_path: Path) -> Run:
    raw, out = make_cohort(2), tmp_path / "out"
    return Run(raw, out, quick, prepare(raw, out, quick, workers=0, console=QUIET))


def test_a_finished_scan_is_not_done_again(run: Run) -> None:
    before = {path: time for path, time in files(run.out).items() if "sub-" in path}
    assert run.again() == run.first
    assert {path: time for path, time in files(run.out).items() if "sub-" in path} == before


def test_an_interrupted_run_goes_on_with_what_is_missing(run: Run) -> None:
    before = files(run.out)
    next((run.out / "sub-s1").rglob("*_desc-preproc.json")).unlink()  # the marker, which is written last
    assert run.again() == run.first
    changed = {path for path, time in files(run.out).items() if before[path] != time}
    assert any("sub-s1" in path for path in changed)
    assert not any("sub-s0" in path for path in changed)


def test_a_finished_scan_whose_source_is_gone_is_kept_with_a_warning_until_it_is_back(run: Run, tmp_path: Path) -> None:
    drawn = run.figure.read_bytes()
    run.source.rename(tmp_path / "away")
    told = "Its source cannot be read any more (s1_T1w.nii.gz: no such file or directory), "
    for _ in range(2):
        assert run.again().cohort == run.first.cohort == Cohort.load(run.out)
        assert run.verdicts() == {("warned", f"{told}{KEPT}")}
        assert run.figure.read_bytes() != drawn
    (tmp_path / "away").rename(run.source)
    times = run.images()
    assert run.again() == run.first
    assert run.verdicts() == {("prepared", "")}
    assert run.images() == times


@pytest.mark.parametrize("setting", [{"normalization": "minmax"}, {"pool": 2}])
def test_what_another_pipeline_made_of_a_scan_whose_source_is_gone_is_refused_everywhere_and_lost_nowhere(
    setting: dict[str, object], run: Run, tmp_path: Path, pictured: Pictured
) -> None:
    run.source.rename(tmp_path / "away")
    times, other = run.images(), run.config.model_copy(update=setting)
    for _ in range(2):
        assert [scan.name for scan in run.again(other).cohort.scans] == ["s0"]
        assert run.verdicts() == {("refused", f"s1_T1w.nii.gz: no such file or directory. {LEFT}")}
        assert (run.images(), pictured(run.figure)) == (times, {Verdict.REFUSED})
    assert run.again().cohort == run.first.cohort  # by the pipeline that made it
    ((verdict, reason),) = run.verdicts()
    assert (verdict, reason.endswith(KEPT), pictured(run.figure)) == ("warned", True, {Verdict.WARNED})
    (tmp_path / "away").rename(run.source)
    assert run.again() == run.first
    assert (run.verdicts(), pictured(run.figure)) == ({("prepared", "")}, {Verdict.PREPARED})
    assert run.images() == times
    assert run.again(other).ledger == run.first.ledger
    assert run.images() != times


@pytest.mark.parametrize("setting", [{"normalization": "minmax"}, {"pool": 2}])
def test_what_another_pipeline_made_of_a_scan_whose_worker_died_is_refused_everywhere(
    setting: dict[str, object], run: Run, monkeypatch: pytest.MonkeyPatch, pictured: Pictured
) -> None:
    module = sys.modules["medical_transformer.preprocessing.prepare"]
    killed = Died(-signal.SIGKILL)
    monkeypatch.setattr(module, "run_each", lambda _, jobs, __: ((place, killed) for place in range(len(jobs))))
    assert not run.again(run.config.model_copy(update=setting)).cohort.scans
    assert run.verdicts() == {("refused", f"{killed.sentence} {LEFT}")}
    assert pictured(run.figure) == {Verdict.REFUSED}


def test_a_finished_scan_whose_source_is_damaged_since_is_refused_everywhere(
    run: Run, tmp_path: Path, pictured: Pictured
) -> None:
    whole = run.source.read_bytes()
    run.source.rename(tmp_path / "whole")
    run.source.write_bytes(whole[:9000])
    assert run.again().cohort.scans == run.first.cohort.scans[:1]
    ((verdict, reason),) = run.verdicts()
    assert (verdict, "truncated" in reason, reason.endswith(LEFT)) == ("refused", True, True)
    assert pictured(run.figure) == {Verdict.REFUSED}
    run.source.unlink()
    assert run.again().cohort == run.first.cohort  # gone: kept as if it had never been damaged
    (tmp_path / "whole").rename(run.source)  # with the time of change that was known
    assert run.again() == run.first
    assert run.verdicts() == {("prepared", "")}


@pytest.mark.parametrize("damage", ['{"scan": "s0", "verd', '{"scan": "s0"}', "[]", '{"verdict": "fine"}', "{ä"])
def test_a_scan_with_a_damaged_sidecar_is_not_done(
    damage: str, make_cohort: MakeCohort, quick: PipelineConfig, tmp_path: Path
) -> None:
    scan, out = make_cohort(1).scans[0], tmp_path / "out"
    path = out / ScanFiles.of(scan, quick).sidecar
    path.parent.mkdir(parents=True)
    path.write_text(damage, encoding="latin-1")
    assert read_sidecar(scan, quick, out) is None


@pytest.mark.parametrize("change", ["pipeline", "input"])
def test_a_scan_is_done_again_when_the_pipeline_or_the_input_changed(
    change: str, make_cohort: MakeCohort, quick: PipelineConfig, tmp_path: Path
) -> None:
    raw, out = make_cohort(1), tmp_path / "out"
    first = prepare(raw, out, quick, workers=0, console=QUIET)
    if change == "pipeline":
        quick = quick.model_copy(update={"normalization": "minmax"})
    else:
        (raw.root / "s0_T1w.nii.gz").write_bytes((make_cohort(2).root / "s1_T1w.nii.gz").read_bytes())
    second = prepare(raw, out, quick, workers=0, replace=True, console=QUIET)
    assert second.cohort.scans[0].content_hash != first.cohort.scans[0].content_hash


def test_a_corrected_label_map_changes_the_content_hash(
    make_cohort: MakeCohort, quick: PipelineConfig, tmp_path: Path
) -> None:
    raw, out = make_cohort(1, segmentation=True), tmp_path / "out"
    first = prepare(raw, out, quick, workers=0, console=QUIET).cohort.scans[0]
    path = raw.root / (raw.scans[0].segmentation or "")
    labels, _ = read_label_map(path)
    write_volume(labels.with_voxels(labels.voxels * np.int16(2)), path)
    second = prepare(raw, out, quick, workers=0, console=QUIET).cohort.scans[0]
    assert second.images == first.images
    assert second.content_hash != first.content_hash


@pytest.mark.parametrize("pattern", ["*preproc_T1w.nii.gz", "*dseg.nii.gz", "*res-2_desc-brain_mask.nii.gz", "*.png"])
def test_a_file_that_was_deleted_is_made_again(
    pattern: str, make_cohort: MakeCohort, quick: PipelineConfig, tmp_path: Path
) -> None:
    raw, out = make_cohort(1, segmentation=True), tmp_path / "out"
    quick = quick.model_copy(update={"pool": 2})
    whole = prepare(raw, out, quick, workers=0, console=QUIET)
    (path,) = out.rglob(pattern)
    path.unlink()
    assert prepare(raw, out, quick, workers=0, console=QUIET) == whole
    assert path.is_file()


def test_replacing_leaves_nothing_that_the_earlier_pipeline_called_otherwise(
    make_cohort: MakeCohort, quick: PipelineConfig, tmp_path: Path
) -> None:
    cohort, pooled = make_cohort(1, segmentation=True), quick.model_copy(update={"pool": 2})
    prepare(cohort, tmp_path / "fresh", pooled, workers=0, console=QUIET)
    for config in (quick, pooled):
        prepare(cohort, tmp_path / "out", config, workers=0, replace=True, console=QUIET)
    folders = [{path.name for path in (tmp_path / name).rglob("*")} for name in ("fresh", "out")]
    assert folders[0] == folders[1]
