"""Every method is asked about the same people; nothing is done twice; nobody is tested by a model that saw them."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from medical_transformer.errors import ConfigError, NonFiniteLossError
from medical_transformer.experiments.comparison import Compared, ComparisonConfig, compare, grid, running
from medical_transformer.experiments.comparison.collecting import protocol
from medical_transformer.experiments.comparison.facts import facts_about_methods
from medical_transformer.experiments.comparison.opening import open_task
from medical_transformer.experiments.comparison.setup import Setup, set_up
from medical_transformer.experiments.comparison.units import Unit
from medical_transformer.experiments.config import FinetuneConfig
from medical_transformer.tasks import Classification, Regression, Segmentation, TaskModel, load_model
from medical_transformer.training import EpochRecord, Fitted, Journal
from medical_transformer.training.fit import OnEpoch

from .conftest import BACKBONE

Everything = tuple[ComparisonConfig, Path, Compared]


def test_all_kinds_of_methods_answer_every_task(everything: Everything) -> None:
    config, _, compared = everything
    assert compared.failed == ()
    for task in config.tasks:
        for method in config.methods:
            (first, *_) = compared.trials.of(method, task)
            assert [fold.fold for fold in first.result.folds] == [1, 2, 3], (method, task)


def test_every_method_and_seed_is_asked_about_the_same_scans(everything: Everything) -> None:
    _, _, compared = everything
    for task in compared.trials.tasks:
        asked = {
            tuple(sorted((one.scan, one.fold) for one in trial.result.predictions))
            for trial in compared.trials.trials
            if trial.task == task
        }
        assert len(asked) == 1, task


def test_a_share_of_the_labels_is_a_share_of_the_subjects_that_train(
    experiment: Callable[..., ComparisonConfig], write_cohort: Callable[..., Path], tmp_path: Path
) -> None:
    task = {"prepared": write_cohort(tmp_path / "prepared", subjects=13), "label": "age_years"}
    methods = {name: {"kind": "classical"} for name in ("classical", "other")}
    shares = {"fractions": (0.5, 1.0), "partial": ("classical",)}
    config = experiment(tasks={"brain-age": task}, methods=methods, reference="classical", **shares)
    compared = compare(config, tmp_path / "out")
    assert {one.method for one in compared.trials.trials if one.fraction < 1} == {"classical"}
    whole, half = (compared.trials.of("classical", "brain-age", share)[0].result for share in (1.0, 0.5))
    for all_labels, half_labels in zip(whole.folds, half.folds, strict=True):
        assert half_labels.sizes["train"] == -(-all_labels.sizes["train"] // 2)
        assert half_labels.sizes["test"] == all_labels.sizes["test"]


def test_one_label_among_those_who_train_is_said(
    experiment: Callable[..., ComparisonConfig], prepared: Path, tmp_path: Path
) -> None:
    groups = {"some": (0, 69), "one": (69, 99)}
    task = {"prepared": prepared, "label": "age_years", "groups": groups}
    methods = {"classical": {"kind": "classical"}}
    compared = compare(experiment(tasks={"rare": task}, methods=methods, reference="classical"), tmp_path)
    assert compared.failed
    assert all(
        "training scans have age_years_group some; a linear model needs" in one.reason for one in compared.failed
    )


def test_a_pretraining_leaves_out_the_tested_subjects(everything: Everything) -> None:
    _, out, compared = everything
    trial = compared.trials.of("transfer", "brain-age")[0].result
    # Pre-training has no use for labels: subjects without an age are in the same folds of another task.
    tested = [{one.subject for one in trial.of_fold(fold)} for fold in (1, 2, 3)]
    assert len(compared.trials.of("transfer", "tumour")[0].result.folds) == 3
    seen = [set(load_model(folder / "encoder").about["subjects"]) for folder in (out / "pretraining").iterdir()]
    assert all(any(not subjects & people for people in seen) for subjects in tested)


def test_classes_can_be_made_of_a_number(
    experiment: Callable[..., ComparisonConfig], prepared: Path, tmp_path: Path
) -> None:
    old = {"prepared": prepared, "label": "age_years", "groups": {"young": (0, 56), "old": (56, 99)}}
    config = experiment(tasks={"old": old}, methods={"classical": {"kind": "classical"}}, reference="classical")
    result = compare(config, tmp_path).trials.of("classical", "old")[0].result
    truths = {one.scan: one.truth for one in result.predictions}
    assert truths["sub-5_first"] == "young"  # 55 years
    assert truths["sub-6_first"] == "old"  # 60 years
    assert "sub-0_first" not in truths  # no age


def test_predicted_maps_are_found_from_the_folder_of_the_comparison(everything: Everything) -> None:
    _, out, compared = everything
    for method in ("scratch", "classical"):
        for one in compared.trials.of(method, "tumour")[0].result.predictions:
            assert (out / str(one.prediction)).is_file()


def test_optimiser_state_of_finished_units_is_not_kept(everything: Everything) -> None:
    _, out, _ = everything
    assert not list((out / "units").glob("**/checkpoint.safetensors"))


def test_a_grid_that_is_done_is_not_done_again(everything: Everything, monkeypatch: pytest.MonkeyPatch) -> None:
    config, out, before = everything
    monkeypatch.setattr(grid, "run_unit", None)
    monkeypatch.setattr(grid, "run_pretraining", None)
    again = compare(config, out)
    assert again.resumed == again.units == before.units
    assert repr(again.trials.trials) == repr(before.trials.trials)


def test_a_method_that_is_added_computes_only_what_is_new(
    experiment: Callable[..., ComparisonConfig], tmp_path: Path
) -> None:
    alone = {"classical": {"kind": "classical"}}
    first = compare(experiment(methods=alone, reference="classical"), tmp_path)
    assert (first.units, first.resumed) == (3, 0)
    other = {"kind": "classical", "title": "the same again"}
    second = compare(experiment(methods={**alone, "other": other}, reference="classical"), tmp_path)
    assert (second.units, second.resumed) == (6, 3)


def test_other_settings_go_beside_the_old_ones(experiment: Callable[..., ComparisonConfig], tmp_path: Path) -> None:
    methods = {"scratch": {"backbone": {"settings": {"width": 4, "embedding": 8, "heads": 2, "head_size": 5}}}}
    base = experiment(methods=methods)
    slower = base.training.model_copy(update={"learning_rate": 1e-4})
    compare(base.model_copy(update={"training": slower}), tmp_path)
    compare(base, tmp_path)
    folders = list((tmp_path / "units" / "brain-age" / "scratch" / "share-1" / "seed-0").iterdir())
    assert len(folders) == 6
    assert all((folder / "result.json").is_file() for folder in folders)


def test_a_unit_that_fails_is_named_and_the_others_go_on(
    experiment: Callable[..., ComparisonConfig], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise NonFiniteLossError("The loss became nan.")

    monkeypatch.setattr(running, "train_model", fail)
    methods = {"classical": {"kind": "classical"}, "wrong": {"backbone": BACKBONE}}
    compared = compare(experiment(methods=methods, reference="classical"), tmp_path)
    assert [str(one.work) for one in compared.failed] == [f"brain-age, wrong, seed 0, fold {k}" for k in (1, 2, 3)]
    assert [one.method for one in compared.trials.trials] == ["classical"]


def test_the_learning_rate_is_searched_on_the_validation_part(
    experiment: Callable[..., ComparisonConfig], tmp_path: Path
) -> None:
    scratch = {"scratch": {"backbone": {"settings": {"width": 4, "embedding": 8, "heads": 2, "head_size": 5}}}}
    config = experiment(methods=scratch, search={"learning_rate": (1e-6, 1e-2)})
    compared = compare(config, tmp_path)
    (trial,) = compared.trials.trials
    for fold in trial.result.folds:
        folders = tmp_path.glob(f"units/brain-age/scratch/share-1/seed-0/fold-{fold.fold}-*/learning-rate-*")
        best = {}
        for folder in folders:
            rows = [line.split("\t") for line in (folder / "journal.tsv").read_text().splitlines()]
            column = rows[0].index("validation_mae")
            best[folder.name] = min(float(row[column]) for row in rows[1:])
        assert len(best) == 2
        found = min(record.metrics["mae"] for record in fold.history)
        assert found == pytest.approx(min(best.values()), abs=1e-3)
    assert "1e-06, 0.01" in compared.trials.about["searched"]
    started, backbone, chosen = compared.trials.methods[0].notes
    assert started == "Starts from random weights."
    assert backbone.startswith("Backbone medical-transformer (arXiv 2104.13633, Apache-2.0) with width 4, ")
    assert backbone.endswith("; its head is linear.")
    assert re.fullmatch(r"Chosen on the validation parts: (learning rate \S+ \(\d times?\)(, )?)+\.", chosen)


def test_a_rate_that_a_method_states_for_itself_is_not_searched_and_this_is_noted(
    experiment: Callable[..., ComparisonConfig], tmp_path: Path
) -> None:
    methods = {"searched": {"training": {"batch_size": 3}}, "stated": {"training": {"learning_rate": 3e-3}}}
    config = experiment(methods=methods, reference="searched", search={"learning_rate": (1e-6, 1e-2)})
    task = open_task(config, "brain-age")
    setups = [set_up(config, task, Unit("brain-age", name, 1.0, 0, 1), tmp_path) for name in methods]
    rates = [[one.training.learning_rate for one in setup.candidates] for setup in setups]
    assert rates == [[1e-6, 1e-2], [3e-3]]
    searched, stated = (one.notes for one in facts_about_methods(config, ()))
    assert searched[-1] == "Trained otherwise than the other methods: batch_size 3."
    assert stated[-2:] == (
        "Trained otherwise than the other methods: learning_rate 0.003.",
        "Its learning rate is its own and was not searched.",
    )
    assert "for every network but stated, which have their own" in protocol(config, {}, ())["searched"]
    assert "searched" not in " ".join(facts_about_methods(experiment(methods=methods, reference="stated"), ())[1].notes)


def test_less_validation_loss_is_better_and_none_at_all_is_an_error() -> None:
    sex = FinetuneConfig(task=Classification(label="sex", classes=("female", "male")))
    age = FinetuneConfig(task=Regression(label="age_years"))
    lesion = FinetuneConfig(task=Segmentation(values=(1,), regions={"lesion": (1,)}))

    def fitted(loss: Any, **metrics: float) -> Fitted:
        record = EpochRecord(
            epoch=1, training_loss=0.5, validation_loss=loss, metrics=metrics, learning_rate=1e-3, seconds=1.0
        )
        return Fitted(Journal([record]), record)

    better, worse = fitted(0.2, mae=9.0, dice=0.4), fitted(0.3, mae=11.0, dice=0.3)
    for config in (sex, age, lesion):
        assert running._badness(better, config) < running._badness(worse, config)
    with pytest.raises(TypeError):
        min((fitted(0.2), fitted(None)), key=lambda one: running._badness(one, sex))


def test_a_learning_rate_whose_loss_ceases_to_be_finite_is_not_chosen(
    experiment: Callable[..., ComparisonConfig], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def train(setup: Setup, candidate: FinetuneConfig, on_epoch: OnEpoch | None) -> tuple[TaskModel, Fitted]:
        if candidate.training.learning_rate == 1.0:
            raise NonFiniteLossError("The loss became nan.")
        return trained(setup, candidate, on_epoch)

    trained = running._train
    monkeypatch.setattr(running, "_train", train)
    scratch = {"scratch": {"backbone": {"settings": {"width": 4, "embedding": 8, "heads": 2, "head_size": 5}}}}
    compared = compare(experiment(methods=scratch, search={"learning_rate": (1.0, 1e-3)}), tmp_path / "one")
    assert not compared.failed
    with pytest.raises(ConfigError, match="fold 2: The loss became nan"):
        compare(experiment(methods=scratch, search={"learning_rate": (1.0,)}), tmp_path / "none")


def test_a_probe_has_no_answer_for_a_segmentation(
    experiment: Callable[..., ComparisonConfig], prepared: Path, encoder: Path, tmp_path: Path
) -> None:
    config = experiment(
        tasks={"tumour": {"prepared": prepared}},
        methods={"probe": {"kind": "probe", "encoder": encoder}},
        reference="probe",
        allow_seen_scans=True,
    )
    with pytest.raises(ConfigError, match="probe answers with a class or a number"):
        compare(config, tmp_path)


def test_an_interrupted_comparison_keeps_what_is_done(everything: Everything, tmp_path: Path) -> None:
    config, out, before = everything
    shutil.copytree(out, tmp_path / "again")
    lost = next((tmp_path / "again" / "units" / "tumour" / "scratch" / "share-1" / "seed-0").iterdir())
    (lost / "result.json").unlink()
    again = compare(config, tmp_path / "again")
    assert again.resumed == again.units - 1
    assert answers(again) == answers(before)


def answers(compared: Compared) -> list[Any]:
    """Return all that a comparison found, without how long it took."""
    return [(one.method, one.task, one.fraction, repr(one.result.predictions)) for one in compared.trials.trials]


def test_the_protocol_says_what_a_reviewer_asks(everything: Everything) -> None:
    about: dict[str, Any] = dict(everything[2].trials.about)
    assert "3 folds by subject" in about["split"]
    assert "9 subjects" in about["cohort of tumour"]
    assert "no encoder had seen a tested subject" in about["leak audit"]


def test_the_tables_and_figure_4_are_written(everything: Everything) -> None:
    _, out, compared = everything
    page = compared.page.read_text()
    assert "data:image/png" in page
    assert {"comparison.html", "folds-tumour.tsv", "config.json"} <= {path.name for path in out.iterdir()}
    assert "sub-" in page  # a scan of Figure 4
