"""What a prepared folder says of itself: begun, done, or a mixture of two pipelines."""

import json
from pathlib import Path

import pytest

from medical_transformer.cohorts import Cohort, Scan
from medical_transformer.errors import CohortError, PreparationError
from medical_transformer.preprocessing import PipelineConfig, load_prepared
from medical_transformer.preprocessing.folder import OF_THE_WHOLE, begin, finish

COHORT = Cohort("drawn", Path(), (Scan(subject="s0", name="s0", images={"T1w": Path("s0.nii")}),))


@pytest.fixture
def other(quick: PipelineConfig) -> PipelineConfig:
    return quick.model_copy(update={"normalization": "minmax"})


def prepared(out: Path, config: PipelineConfig) -> None:
    """Leave what a whole preparation leaves of the folder."""
    begin(out, config, replace=False)
    for name in ("ledger.tsv", "quality.html"):
        (out / name).write_text("of these scans", encoding="utf-8")
    COHORT.save(out)
    finish(out, config)


def test_an_interrupted_preparation_goes_on_with_its_own_settings_only(
    tmp_path: Path, quick: PipelineConfig, other: PipelineConfig
) -> None:
    begin(tmp_path, quick, replace=False)
    with pytest.raises(PreparationError, match="was begun otherwise: normalization was percentile and is now"):
        begin(tmp_path, other, replace=False)
    begin(tmp_path, quick, replace=False)
    begin(tmp_path, other, replace=True)
    begin(tmp_path, other, replace=False)


def test_an_interrupted_replacement_names_the_settings_that_differ(
    tmp_path: Path, quick: PipelineConfig, other: PipelineConfig
) -> None:
    prepared(tmp_path, quick)
    begin(tmp_path, other, replace=True)
    with pytest.raises(PreparationError, match="normalization was minmax and is now percentile"):
        begin(tmp_path, quick, replace=False)


def test_a_refused_preparation_leaves_the_folder_as_it_was(
    tmp_path: Path, quick: PipelineConfig, other: PipelineConfig
) -> None:
    prepared(tmp_path, quick)
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(PreparationError, match="was prepared otherwise"):
        begin(tmp_path, other, replace=False)
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


@pytest.mark.parametrize("damaged", [False, True])
def test_a_mixture_of_two_pipelines_is_no_cohort_and_keeps_no_ledger_of_the_earlier(
    damaged: bool, tmp_path: Path, quick: PipelineConfig, other: PipelineConfig
) -> None:
    prepared(tmp_path, quick)
    if damaged:
        (tmp_path / "pipeline.json").write_text("{", encoding="utf-8")
    begin(tmp_path, other, replace=not damaged)
    assert not any((tmp_path / name).exists() for name in OF_THE_WHOLE)
    with pytest.raises(CohortError, match="its preparation is not finished; run `medtrans prepare` into it again"):
        load_prepared(tmp_path)


def test_a_folder_that_is_prepared_again_with_its_own_settings_stays_a_cohort(
    tmp_path: Path, quick: PipelineConfig
) -> None:
    prepared(tmp_path, quick)
    begin(tmp_path, quick, replace=False)
    assert load_prepared(tmp_path).scans == COHORT.scans
    finish(tmp_path, quick)
    assert json.loads((tmp_path / "pipeline.json").read_text(encoding="utf-8"))["fingerprint"] == quick.fingerprint()
    assert not (tmp_path / "begun.json").exists()


def test_a_folder_that_was_never_prepared_is_to_be_prepared(tmp_path: Path) -> None:
    COHORT.save(tmp_path)
    with pytest.raises(CohortError, match="make them with `medtrans prepare`"):
        load_prepared(tmp_path)
