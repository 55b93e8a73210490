"""Answers on raw scans: what is written, what is refused, and where label maps lie."""

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest

from medical_transformer.errors import ConfigError, WeightsError
from medical_transformer.serving import Predictor, predict
from medical_transformer.serving.answered import Status
from medical_transformer.serving.requests import resolve, subject_of
from medical_transformer.tasks import shipped

Write = Callable[..., Path]


def rows(out: Path) -> list[dict[str, str]]:
    with (out / "predictions.tsv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file, delimiter="\t"))


def test_an_age_stands_in_a_column_that_names_its_unit(make_model: Write, write_brain: Write, tmp_path: Path) -> None:
    predict([write_brain("IXI012-HH-1211-T1.nii.gz")], make_model("age"), tmp_path / "out", workers=0)
    (row,) = rows(tmp_path / "out")
    assert list(row) == ["scan", "subject", "age_years", "status", "reason"]
    assert (row["scan"], row["subject"]) == ("IXI012-HH-1211-T1.nii.gz", "IXI012")
    assert np.isfinite(float(row["age_years"]))


def test_class_probabilities_have_a_column_each_and_sum_to_one(
    make_model: Write, write_brain: Write, tmp_path: Path
) -> None:
    predict([write_brain("a.nii.gz")], make_model("diagnosis"), tmp_path / "out", workers=0)
    (row,) = rows(tmp_path / "out")
    probabilities = {name: float(row[f"probability_{name}"]) for name in ("CN", "MCI", "AD")}
    assert sum(probabilities.values()) == pytest.approx(1, abs=1e-3)
    assert row["diagnosis"] == max(probabilities, key=lambda name: probabilities[name])


def test_a_folder_with_answers_of_another_model_is_refused(
    make_model: Write, write_brain: Write, tmp_path: Path
) -> None:
    scan, out = write_brain("a.nii.gz"), tmp_path / "out"
    for _ in range(2):
        predict([scan], make_model("age"), out, workers=0)
    with pytest.raises(ConfigError, match=r"holds answers of age \(.*and this is diagnosis \("):
        predict([scan], make_model("diagnosis"), out, workers=0)
    assert "age_years" in rows(out)[0]


def test_every_scan_leaves_a_json_and_a_picture(make_model: Write, write_brain: Write, tmp_path: Path) -> None:
    predict([write_brain("a.nii.gz")], make_model("age"), tmp_path / "out", workers=0)
    answer = json.loads((tmp_path / "out" / "a.json").read_text(encoding="utf-8"))
    assert answer["model"]["preparation_fingerprint"]
    assert answer["files"] == ["a.png"]
    assert (tmp_path / "out" / "a.png").read_bytes().startswith(b"\x89PNG")


def test_a_label_map_lies_on_the_grid_of_the_input_with_its_header(
    make_model: Write, write_brain: Write, tmp_path: Path
) -> None:
    path = write_brain("a.nii.gz")
    image = nibabel.as_closest_canonical(nibabel.load(path))
    orientation = nibabel.orientations.axcodes2ornt("PSR")
    turned = image.as_reoriented(nibabel.orientations.ornt_transform(nibabel.io_orientation(image.affine), orientation))
    turned.header["descrip"] = b"kept"
    nibabel.save(turned, path)
    predict([path], make_model("tumour"), tmp_path / "out", workers=0)
    labels = nibabel.load(tmp_path / "out" / "a_dseg.nii.gz")
    assert labels.shape == turned.shape
    assert np.allclose(labels.affine, turned.affine)
    assert labels.header["descrip"].item() == b"kept"
    assert set(np.unique(labels.get_fdata())) <= {0, 1, 2, 4}
    assert (tmp_path / "out" / "a_dseg.png").read_bytes().startswith(b"\x89PNG")


def test_the_volume_of_each_region_stands_in_ml_beside_the_map(
    make_model: Write, write_brain: Write, tmp_path: Path
) -> None:
    predict([write_brain("a.nii.gz")], make_model("tumour"), tmp_path / "out", workers=0)
    labels = nibabel.load(tmp_path / "out" / "a_dseg.nii.gz")
    (row,) = rows(tmp_path / "out")
    assert list(row) == ["scan", "subject", "WT_ml", "ET_ml", "status", "reason"]
    for column, values in (("WT_ml", (1, 2, 4)), ("ET_ml", (4,))):
        voxels = np.isin(labels.get_fdata(), values).sum()
        assert float(row[column]) == pytest.approx(voxels * 3.4 * 3.3 * 3.2 / 1000, abs=1e-3)


def test_a_model_that_comes_with_the_package_answers_by_its_name(
    make_model: Write, write_brain: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shipped, "SHIPPED", make_model("age").parent)
    monkeypatch.chdir(tmp_path)
    predict([write_brain("a.nii.gz")], "age", tmp_path / "out", workers=0)
    answer = json.loads((tmp_path / "out" / "a.json").read_text(encoding="utf-8"))
    assert answer["model"]["name"] == "age"
    assert np.isfinite(answer["answers"]["age_years"])


def test_left_stays_left_on_the_way_through_the_network(make_model: Write, write_brain: Write, tmp_path: Path) -> None:
    """A model of the left half must answer on the left of the input, whatever its axes are."""
    path = write_brain("a.nii.gz")
    predictor = Predictor.load(make_model("tumour"))

    def only_left(volumes: Any, log_icv: Any) -> Any:
        scores = volumes.new_zeros((1, 4, *volumes.shape[2:]))
        scores[:, 0] = 5
        scores[:, 1, : volumes.shape[2] // 2] = 10
        return scores

    object.__setattr__(predictor.network, "forward", only_left)
    for axes in ("RAS", "LIA", "PSR", "SAL"):
        image = nibabel.as_closest_canonical(nibabel.load(path))
        there = nibabel.orientations.ornt_transform(
            nibabel.io_orientation(image.affine), nibabel.orientations.axcodes2ornt(axes)
        )
        turned = path.with_name(f"{axes}.nii.gz")
        nibabel.save(image.as_reoriented(there), turned)
        (request,) = resolve([turned], ("T1w",))
        predictor.answer(request, tmp_path / "out")
        labels = nibabel.load(tmp_path / "out" / f"{axes}_dseg.nii.gz")
        where = nibabel.affines.apply_affine(labels.affine, np.argwhere(labels.get_fdata() == 1))
        assert where[:, 0].max() < 2


def test_damaged_scans_are_refused_by_name_and_the_others_answered(
    make_model: Write, write_brain: Write, tmp_path: Path
) -> None:
    good = write_brain("good.nii.gz")
    truncated = good.with_name("truncated.nii.gz")
    truncated.write_bytes(good.read_bytes()[:-200])
    text = good.with_name("text.nii.gz")
    text.write_text("no image", encoding="utf-8")
    zero = good.with_name("zero.nii.gz")
    nibabel.save(nibabel.Nifti1Image(np.zeros((20, 22, 24), np.float32), np.diag([3, 3, 3, 1])), zero)
    series = good.with_name("series.nii.gz")
    nibabel.save(nibabel.Nifti1Image(np.ones((20, 22, 24, 3), np.float32), np.diag([3, 3, 3, 1])), series)
    hole = good.with_name("hole.nii.gz")
    nibabel.save(nibabel.Nifti1Image(np.full((20, 22, 24), np.nan, np.float32), np.diag([3, 3, 3, 1])), hole)
    headless = good.with_name("headless.img")
    headless.write_bytes(b"x" * 400)
    missing = good.with_name("missing.nii.gz")
    bad = [truncated, text, zero, series, hole, headless, missing]
    done = predict([*bad, good], make_model("age"), tmp_path / "out", workers=0)
    assert [answer.scan for answer in done.refused] == [path.name for path in bad]
    assert done.answers[-1].status in (Status.ANSWERED, Status.WARNED)
    for answer in done.refused:
        assert answer.scan in answer.reason
        assert "\n" not in answer.reason


def test_files_of_the_same_name_do_not_overwrite_each_other(
    make_model: Write, write_brain: Write, tmp_path: Path
) -> None:
    paths = [write_brain(f"{visit}/T1.nii.gz", seed) for seed, visit in enumerate(("first", "second"))]
    predict(paths, make_model("age"), tmp_path / "out", workers=0)
    assert len(list((tmp_path / "out").glob("*.json"))) == 2


def test_an_answer_outside_the_training_labels_is_warned_of(
    make_model: Write, write_brain: Write, tmp_path: Path
) -> None:
    model = make_model("age", about={"label_range": [50.0, 60.0]})
    done = predict([write_brain("a.nii.gz")], model, tmp_path / "out", workers=0)
    assert done.answers[0].status is Status.WARNED
    assert "outside the training labels" in done.answers[0].reason


def test_a_model_of_several_modalities_refuses_a_single_file(
    make_model: Write, write_brain: Write, tmp_path: Path
) -> None:
    model = make_model("tumour", modalities=("T1w", "FLAIR"))
    done = predict([write_brain("a.nii.gz")], model, tmp_path / "out", workers=0)
    assert "T1w, FLAIR" in done.answers[0].reason


def test_a_folder_is_read_as_its_layout_says(make_model: Write, write_brain: Write, tmp_path: Path) -> None:
    for number, visit in enumerate(("sub-01/anat/sub-01_T1w.nii.gz", "sub-02/anat/sub-02_T1w.nii.gz")):
        write_brain(visit, number)
    predict([tmp_path / "scans"], make_model("age"), tmp_path / "out", workers=0)
    assert [row["subject"] for row in rows(tmp_path / "out")] == ["sub-01", "sub-02"]


def test_a_folder_that_is_no_model_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"config\.json"):
        predict([], tmp_path, tmp_path / "out")


def test_the_same_scan_gets_the_same_answer_alone_and_among_others(
    make_model: Write, write_brain: Write, tmp_path: Path
) -> None:
    paths = [write_brain(f"s{seed}.nii.gz", seed) for seed in range(2)]
    model = make_model("age")
    together = predict(paths, model, tmp_path / "together", workers=0)
    alone = predict(paths[1:], model, tmp_path / "alone", workers=0)
    assert together.answers[1].answers == alone.answers[0].answers


@pytest.mark.parametrize(
    ("stem", "subject"),
    [("IXI012-HH-1211-T1", "IXI012"), ("sub-01_ses-2_T1w", "sub-01"), ("new-scan", "new-scan"), ("a_b", "a_b")],
)
def test_the_subject_is_what_the_name_tells_and_no_guess(stem: str, subject: str) -> None:
    assert subject_of(stem) == subject


def test_the_same_file_given_twice_is_answered_once(make_model: Write, write_brain: Write, tmp_path: Path) -> None:
    path = write_brain("a.nii.gz")
    done = predict([path, path.parent / "." / "a.nii.gz"], make_model("age"), tmp_path / "out", workers=0)
    assert len(done.answers) == 1


def test_scans_whose_names_and_folders_agree_still_have_files_of_their_own(
    make_model: Write, write_brain: Write, tmp_path: Path
) -> None:
    paths = [write_brain(f"{site}/sub-01/anat/T1w.nii.gz", seed) for seed, site in enumerate("AB")]
    predict(paths, make_model("age"), tmp_path / "out", workers=0)
    assert len(list((tmp_path / "out").glob("*.json"))) == 2


def test_an_image_that_a_folder_does_not_take_is_refused_and_not_forgotten(
    make_model: Write, write_brain: Write, tmp_path: Path
) -> None:
    first = write_brain("sub-01/anat/sub-01_T1w.nii.gz")
    copy = first.parents[2] / "sub-02" / "anat" / "sub-02_T1w.nii.gz"
    copy.parent.mkdir(parents=True)
    copy.write_bytes(first.read_bytes())
    done = predict([tmp_path / "scans"], make_model("age"), tmp_path / "out", workers=0)
    assert sorted(answer.scan for answer in done.answers) == ["sub-01_T1w.nii.gz", "sub-02_T1w.nii.gz"]
    assert len(done.refused) == 1


@pytest.mark.parametrize("whole_folder", [False, True])
def test_half_of_a_pair_is_refused_by_name(write_brain: Write, whole_folder: bool) -> None:
    lone = write_brain("good.nii.gz").with_name("lone.img")
    lone.write_bytes(b"x" * 400)
    requests = resolve([lone.parent if whole_folder else lone], ("T1w",))
    (refused,) = [request for request in requests if request.refusal]
    assert refused.scan == "lone.img"
    assert "lone.hdr is missing" in refused.refusal


def test_a_model_that_was_replaced_in_its_folder_answers_as_the_new_one(
    make_model: Write, write_brain: Write, tmp_path: Path
) -> None:
    path = write_brain("a.nii.gz")
    before = predict([path], make_model("age"), tmp_path / "out", workers=0).answers[0]
    make_model("age", about={"label_range": [90.0, 91.0]})
    after = predict([path], tmp_path / "models" / "age", tmp_path / "out", workers=0).answers[0]
    assert "outside the training labels" in after.reason
    assert "outside the training labels" not in before.reason
