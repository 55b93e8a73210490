from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from medical_transformer.cohorts import Cohort
from medical_transformer.errors import CohortError
from medical_transformer.preprocessing import open_store
from medical_transformer.volumes import average_pool, majority_pool, read_label_map, read_volume, write_volume

QUIET = Console(quiet=True)
MakeCohort = Callable[..., Cohort]


def test_a_store_gives_back_what_the_files_hold(make_cohort: MakeCohort, tmp_path: Path) -> None:
    cohort = make_cohort(3, ("T1w", "T2w"))
    store = open_store(cohort, ["T2w", "T1w"], tmp_path / "store", console=QUIET)
    batch = store.volumes([2, 0])
    assert batch.shape == (2, 2, 50, 58, 46)
    assert batch.dtype == np.float32
    expected = read_volume(cohort.root / cohort.scans[2].images["T1w"])[0].voxels
    np.testing.assert_allclose(batch[0, 1], expected, rtol=1e-3)
    assert store.names == ("s0", "s1", "s2")
    assert store.spatial_shape == (50, 58, 46)


def test_a_pooled_store_pools_images_by_mean_and_labels_by_majority(make_cohort: MakeCohort, tmp_path: Path) -> None:
    cohort = make_cohort(2, segmentation=True)
    store = open_store(
        cohort, ["T1w"], tmp_path / "store", pool=2, segmentation=True, voxel_type="float32", console=QUIET
    )
    image, _ = read_volume(cohort.root / cohort.scans[1].images["T1w"])
    labels, _ = read_label_map(cohort.root / (cohort.scans[1].segmentation or ""))
    np.testing.assert_array_equal(store.volumes([1])[0, 0], average_pool(image, 2).voxels)
    np.testing.assert_array_equal(store.segmentations([1])[0], majority_pool(labels, 2).voxels)
    assert store.grid.is_close(average_pool(image, 2).grid)


def test_a_store_is_built_once(make_cohort: MakeCohort, tmp_path: Path) -> None:
    cohort = make_cohort(2)
    open_store(cohort, ["T1w"], tmp_path / "store", console=QUIET)
    before = (tmp_path / "store" / "volumes.npy").stat().st_mtime_ns
    open_store(cohort, ["T1w"], tmp_path / "store", console=QUIET)
    assert (tmp_path / "store" / "volumes.npy").stat().st_mtime_ns == before


def test_a_store_is_built_again_when_a_scan_changed(make_cohort: MakeCohort, tmp_path: Path) -> None:
    cohort = make_cohort(2)
    open_store(cohort, ["T1w"], tmp_path / "store", console=QUIET)
    fewer = replace(cohort, scans=cohort.scans[:1])
    assert len(open_store(fewer, ["T1w"], tmp_path / "store", console=QUIET)) == 1
    changed = replace(cohort, scans=(replace(cohort.scans[0], content_hash="new"),))
    before = (tmp_path / "store" / "volumes.npy").stat().st_ino
    open_store(changed, ["T1w"], tmp_path / "store", console=QUIET)
    assert (tmp_path / "store" / "volumes.npy").stat().st_ino != before


def test_a_missing_modality_names_the_scan_and_what_it_has(make_cohort: MakeCohort, tmp_path: Path) -> None:
    with pytest.raises(CohortError, match="'s0' has no FLAIR; it has T1w"):
        open_store(make_cohort(1), ["FLAIR"], tmp_path / "store", console=QUIET)


def test_a_missing_segmentation_names_the_scan(make_cohort: MakeCohort, tmp_path: Path) -> None:
    with pytest.raises(CohortError, match="'s0' has no segmentation"):
        open_store(make_cohort(1), ["T1w"], tmp_path / "store", segmentation=True, console=QUIET)
    assert not list((tmp_path / "store").glob("index.json"))


def test_asking_for_segmentations_that_were_not_stored_says_how_to_get_them(
    make_cohort: MakeCohort, tmp_path: Path
) -> None:
    store = open_store(make_cohort(1), ["T1w"], tmp_path / "store", console=QUIET)
    with pytest.raises(CohortError, match="segmentation=True"):
        store.segmentations([0])


def relabel(cohort: Cohort, place: int, label: int) -> None:
    """Give all voxels of a scan's label map that have a label this one."""
    path = cohort.root / (cohort.scans[place].segmentation or "")
    labels, _ = read_label_map(path)
    write_volume(labels.with_voxels(np.where(labels.voxels, label, 0).astype(np.int16)), path)


def test_labels_as_large_as_an_atlas_has_them_are_stored(make_cohort: MakeCohort, tmp_path: Path) -> None:
    cohort = make_cohort(2, segmentation=True)
    relabel(cohort, 1, 32767)
    store = open_store(cohort, ["T1w"], tmp_path / "store", segmentation=True, console=QUIET)
    assert np.unique(store.segmentations([0])).tolist() == [0, 1]
    assert np.unique(store.segmentations([1])).tolist() == [0, 32767]


def test_a_label_out_of_range_is_told_before_the_volumes_are_written(make_cohort: MakeCohort, tmp_path: Path) -> None:
    cohort = make_cohort(2, segmentation=True)
    relabel(cohort, 1, -1)
    with pytest.raises(CohortError, match=r"s1_seg.*labels must lie in 0 to 32767"):
        open_store(cohort, ["T1w"], tmp_path / "store", segmentation=True, console=QUIET)
    assert not list((tmp_path / "store").glob("*.npy"))


def test_an_empty_cohort_has_no_store(tmp_path: Path) -> None:
    with pytest.raises(CohortError, match="no scan to store"):
        open_store(Cohort("none", tmp_path, ()), ["T1w"], tmp_path / "store", console=QUIET)


def test_the_size_is_told_before_it_is_written(make_cohort: MakeCohort, tmp_path: Path) -> None:
    with (tmp_path / "log").open("w") as log:
        open_store(make_cohort(2), ["T1w"], tmp_path / "store", console=Console(file=log, width=200))
    assert "GB" in (tmp_path / "log").read_text()


def test_a_folder_with_brackets_is_told_whole(make_cohort: MakeCohort, tmp_path: Path) -> None:
    folder = tmp_path / "[bold]" / "store"
    with (tmp_path / "log").open("w") as log:
        open_store(make_cohort(1), ["T1w"], folder, console=Console(file=log, width=400))
    assert str(folder) in (tmp_path / "log").read_text()
