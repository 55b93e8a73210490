import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from medical_transformer.cohorts import Cohort, Ledger, Scan, Verdict
from medical_transformer.cohorts.hashing import hash_files
from medical_transformer.errors import ConfigError, PreparationError
from medical_transformer.preprocessing import PipelineConfig, prepare, prepare_scan
from medical_transformer.preprocessing.job import do
from medical_transformer.preprocessing.memory import choose_workers, expected_memory_gb
from medical_transformer.volumes import read_label_map, read_volume
from medical_transformer.volumes.claims import claimed

MakeCohort = Callable[..., Cohort]
QUIET = Console(quiet=True)
FOUR = ("T1w", "T1ce", "T2w", "FLAIR")


def files(folder: Path) -> dict[str, float]:
    """Path to time of last change, of everything below a folder."""
    return {path.as_posix(): path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}


def test_a_prepared_scan_keeps_the_promises_of_its_grid(make_cohort: MakeCohort, quick: PipelineConfig) -> None:
    cohort = make_cohort(1, FOUR, segmentation=True)
    scan = cohort.scans[0]
    images = {word: cohort.root / path for word, path in scan.images.items()}
    prepared = prepare_scan(images, quick, segmentation=cohort.root / (scan.segmentation or ""))
    assert list(prepared.volumes) == list(FOUR)
    for volume in prepared.volumes.values():
        assert volume.shape == quick.crop_shape
        assert volume.grid.is_close(prepared.brain_mask.grid)
        assert volume.voxels.dtype == np.float32
        assert (volume.voxels.min(), volume.voxels.max()) == (0, 1)
        assert not volume.voxels[~prepared.brain_mask.voxels].any()


def test_a_segmentation_goes_there_and_back_unchanged(make_cohort: MakeCohort, quick: PipelineConfig) -> None:
    cohort = make_cohort(1, segmentation=True)
    path = cohort.root / (cohort.scans[0].segmentation or "")
    prepared = prepare_scan({"T1w": cohort.root / "s0_T1w.nii.gz"}, quick, segmentation=path)
    assert prepared.segmentation is not None
    back = prepared.to_native(prepared.segmentation, order=0)
    np.testing.assert_array_equal(back.voxels, read_label_map(path)[0].voxels)


def test_a_cohort_is_prepared_with_labels_ledger_and_pictures(
    make_cohort: MakeCohort, quick: PipelineConfig, tmp_path: Path
) -> None:
    raw, out = make_cohort(2, FOUR, segmentation=True), tmp_path / "out"
    prepared = prepare(raw, out, quick, workers=0, console=QUIET)
    loaded = Cohort.load(out)
    assert loaded.scans == prepared.cohort.scans
    for scan, original in zip(loaded.scans, raw.scans, strict=True):
        assert (scan.subject, scan.labels) == (original.subject, original.labels)
        assert {read_volume(out / path)[0].shape for path in scan.images.values()} == {quick.crop_shape}
        assert read_label_map(out / (scan.segmentation or ""))[0].shape == quick.crop_shape
        assert len(scan.content_hash) == 16
    assert Ledger.load(out / "ledger.tsv").counts("scan") == {Verdict.PREPARED: 2}
    assert len(list((out / "figures").glob("*.png"))) == 2
    assert json.loads((out / "pipeline.json").read_text())["fingerprint"] == quick.fingerprint()
    assert json.loads((out / "dataset_description.json").read_text())["DatasetType"] == "derivative"
    assert not list(out.rglob(".*"))


def test_a_sidecar_tells_what_was_done_from_what(
    make_cohort: MakeCohort, quick: PipelineConfig, tmp_path: Path
) -> None:
    prepare(make_cohort(1), tmp_path / "out", quick, workers=0, console=QUIET)
    (path,) = (tmp_path / "out").rglob("*_desc-preproc.json")
    sidecar = json.loads(path.read_text())
    assert sidecar["config"] == quick.model_dump(mode="json")
    assert set(sidecar["inputs"]) == {"T1w"}
    assert sidecar["verdict"] == "prepared"
    assert 900 < sidecar["quality"]["brain_ml"] < 2100
    assert "niimath" in sidecar["versions"]
    assert str(tmp_path) not in path.read_text()


def test_other_settings_are_refused_with_both_values_of_each(
    make_cohort: MakeCohort, quick: PipelineConfig, tmp_path: Path
) -> None:
    raw, out = make_cohort(1), tmp_path / "out"
    prepare(raw, out, quick, workers=0, console=QUIET)
    before = files(out)
    other = quick.model_copy(update={"normalization": "minmax", "pool": 2})
    with pytest.raises(PreparationError) as refused:
        prepare(raw, out, other, workers=0, console=QUIET)
    assert "normalization was percentile and is now minmax; pool was 1 and is now 2." in str(refused.value)
    assert "percentile was" not in str(refused.value)
    assert files(out) == before


def test_the_content_hash_without_a_label_map_is_of_the_images(
    make_cohort: MakeCohort, quick: PipelineConfig, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    (scan,) = prepare(make_cohort(1, ("T2w", "T1w")), out, quick, workers=0, console=QUIET).cohort.scans
    assert scan.content_hash == hash_files(out / scan.images[word] for word in ("T1w", "T2w"))


def test_bad_scans_are_refused_by_name_and_the_others_go_on(
    make_cohort: MakeCohort, quick: PipelineConfig, tmp_path: Path
) -> None:
    raw = make_cohort(3)
    truncated = raw.root / "s1_T1w.nii.gz"
    truncated.write_bytes(truncated.read_bytes()[:9000])
    (raw.root / "s2_T1w.nii.gz").unlink()
    prepared = prepare(raw, tmp_path / "out", quick, workers=2, console=QUIET)
    assert [scan.name for scan in prepared.cohort.scans] == ["s0"]
    refused = {entry.item: entry.reason for entry in prepared.ledger.of(Verdict.REFUSED)}
    assert "truncated" in refused["s1"]
    assert "s2_T1w.nii.gz" in refused["s2"]


def test_a_refused_scan_leaves_its_picture_but_no_image(
    make_cohort: MakeCohort, quick: PipelineConfig, tmp_path: Path
) -> None:
    small = quick.model_copy(update={"crop_shape": (16, 18, 14)})  # cuts most of the brain off
    prepared = prepare(make_cohort(1), tmp_path / "out", small, workers=0, console=QUIET)
    assert not prepared.cohort.scans
    assert "outside the box" in prepared.ledger.entries[0].reason
    assert list((tmp_path / "out" / "figures").glob("*.png"))
    assert not list((tmp_path / "out").rglob("*desc-preproc_T1w.nii.gz"))
    again = prepare(make_cohort(1), tmp_path / "out", small, workers=0, console=QUIET)
    assert again.ledger == prepared.ledger


def told(out: Path, raw: Cohort, config: PipelineConfig) -> str:
    """Return what a person sees of a preparation."""
    with out.with_suffix(".log").open("w") as log:
        prepare(raw, out, config, workers=0, console=Console(file=log, width=400))
    return out.with_suffix(".log").read_text()


def test_a_second_run_says_how_many_scans_were_done_already(
    make_cohort: MakeCohort, quick: PipelineConfig, tmp_path: Path
) -> None:
    raw, out = make_cohort(3), tmp_path / "out"
    first = replace(raw, scans=raw.scans[:2])
    assert "done already" not in told(out, first, quick)
    assert "3 prepared, 0 refused (2 of them were done already)" in told(out, raw, quick)


def test_a_refusal_is_one_line_that_names_the_file_once_and_no_class(
    make_cohort: MakeCohort, quick: PipelineConfig, tmp_path: Path
) -> None:
    raw = make_cohort(3)
    for number, content in enumerate((b"", b"no image", (raw.root / "s2_T1w.nii.gz").read_bytes()[:9000])):
        (raw.root / f"s{number}_T1w.nii.gz").write_bytes(content)
    (raw.root / "s1_T1w.nii.gz").unlink()
    lines = told(tmp_path / "out", raw, quick).splitlines()
    assert "s0: refused | s0_T1w.nii.gz: the file is empty." in lines
    assert "s1: refused | s1_T1w.nii.gz: no such file or directory." in lines
    (third,) = (line for line in lines if line.startswith("s2: refused | "))
    assert third.count("s2_T1w.nii.gz") == 1
    assert "Error" not in third
    assert str(tmp_path) not in third


def test_scans_that_would_share_files_stop_the_run_before_it_starts(
    make_cohort: MakeCohort, quick: PipelineConfig, tmp_path: Path
) -> None:
    raw = make_cohort(1)
    twin = replace(raw.scans[0], subject="sub-s0", name="sub-s0")
    with pytest.raises(PreparationError, match="share the file"):
        prepare(Cohort("twins", raw.root, (*raw.scans, twin)), tmp_path / "out", quick, workers=0)
    assert not (tmp_path / "out").exists()


def test_an_interruption_leaves_finished_scans_and_no_half_files(
    make_cohort: MakeCohort, quick: PipelineConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys

    module: Any = sys.modules[do.__module__]
    done = module.write_prepared

    def interrupted(prepared: Any, scan: Scan, *rest: Any) -> None:
        if scan.name == "s1":
            raise KeyboardInterrupt
        done(prepared, scan, *rest)

    raw, out = make_cohort(2), tmp_path / "out"
    monkeypatch.setattr(module, "write_prepared", interrupted)
    with pytest.raises(KeyboardInterrupt):
        prepare(raw, out, quick, workers=0, console=QUIET)
    assert list((out / "sub-s0").rglob("*_desc-preproc.json"))
    monkeypatch.undo()
    assert len(prepare(raw, out, quick, workers=0, console=QUIET).cohort) == 2


def test_a_path_with_brackets_is_told_whole(make_cohort: MakeCohort, quick: PipelineConfig, tmp_path: Path) -> None:
    raw, out = replace(make_cohort(1), name="[red]"), tmp_path / "[bold]" / "out"
    with (tmp_path / "log").open("w") as log:
        prepare(raw, out, quick, workers=0, console=Console(file=log, width=400))
    told = (tmp_path / "log").read_text()
    assert str(out) in told
    assert "1 scan of [red] in this process" in told


def test_memory_and_workers_are_told_beforehand(make_cohort: MakeCohort, quick: PipelineConfig, tmp_path: Path) -> None:
    console = Console(record=True, width=200, quiet=False, file=(tmp_path / "log").open("w"))
    prepare(make_cohort(1), tmp_path / "out", quick, workers=0, console=console)
    assert "GB of memory" in console.export_text()


def test_a_worker_with_deepbet_needs_more_memory() -> None:
    assert expected_memory_gb(PipelineConfig()) > expected_memory_gb(PipelineConfig(extraction="template"))
    assert choose_workers(PipelineConfig()) >= 1


def test_a_picture_says_what_the_ledger_says_of_a_double_as_long_as_it_is_one(
    make_cohort: MakeCohort, quick: PipelineConfig, tmp_path: Path, pictured: Callable[[Path], set[Verdict]]
) -> None:
    cohort, out = make_cohort(2), tmp_path / "out"
    (cohort.root / "s1_T1w.nii.gz").write_bytes((cohort.root / "s0_T1w.nii.gz").read_bytes())

    for scans, verdict in ((cohort.scans, Verdict.WARNED), (cohort.scans[:1], Verdict.PREPARED)):
        done = prepare(replace(cohort, scans=scans), out, quick, workers=0, console=QUIET)
        assert done.ledger.entries[0].verdict is verdict
        assert pictured(out / "figures" / "sub-s0.png") == {verdict}


def test_a_second_preparation_into_the_same_folder_is_refused(
    make_cohort: MakeCohort, quick: PipelineConfig, tmp_path: Path
) -> None:
    with claimed(tmp_path / "out"), pytest.raises(ConfigError, match="written to by another run"):
        prepare(make_cohort(1), tmp_path / "out", quick, workers=0, console=QUIET)
