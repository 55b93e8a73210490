"""The loop: it learns, stops, keeps the best, and refuses to go on with nonsense."""

import math
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from medical_transformer.errors import ConfigError, NonFiniteLossError, TrainingError
from medical_transformer.pretraining import EncodedSlices
from medical_transformer.slices import Plane
from medical_transformer.tasks import LabelledBatch
from medical_transformer.training import EpochRecord, Fitted, TrainingConfig, checkpoint, fit
from medical_transformer.training.batches import places_not_finite
from medical_transformer.training.devices import choose_device
from medical_transformer.training.fit import Loop, Split

from .conftest import Line, Pairs, PairSource

SPLIT = Split(tuple(range(16)), tuple(range(16, 23)))


def config(**settings: Any) -> TrainingConfig:
    return TrainingConfig(**{"epochs": 6, "batch_size": 5, "learning_rate": 0.05, "device": "cpu", **settings})


def weights(objective: Line) -> torch.Tensor:
    return torch.cat([objective.line.weight.detach().flatten(), objective.line.bias.detach()])


def test_the_loss_falls(source: PairSource) -> None:
    fitted = fit(Line(), source, SPLIT, config(epochs=40))
    first, *_, last = fitted.journal.records
    assert last.training_loss < 0.6 * first.training_loss
    assert fitted.best.number("loss") < 0.6 * first.number("loss")


def test_every_training_item_is_seen_once_per_epoch_and_no_other(source: PairSource) -> None:
    fit(Line(), source, SPLIT, config(epochs=2))
    seen = [item for batch in source.batches for item in batch]
    assert sorted(seen) == sorted(list(SPLIT.training) * 2)
    assert sorted(seen[:16]) == list(SPLIT.training)


def test_every_epoch_has_an_order_of_its_own(source: PairSource) -> None:
    fit(Line(), source, SPLIT, config(epochs=2))
    seen = [item for batch in source.batches for item in batch]
    assert seen[:16] != seen[16:]
    assert seen[:16] != list(SPLIT.training)


@pytest.mark.parametrize(("items", "size"), [(16, 5), (11, 10), (21, 10), (3, 2), (9, 2), (2, 10), (7, 7)])
def test_batches_are_even_and_none_holds_a_single_scan(items: int, size: int) -> None:
    """Stage 1 takes its negatives from the batch, so a scan must not be left alone."""
    source = PairSource()
    fit(Line(), source, Split(tuple(range(items)), (22,)), config(epochs=1, batch_size=size))
    sizes = [len(batch) for batch in source.batches]
    assert sum(sizes) == items
    assert min(sizes) >= 2
    assert max(sizes) - min(sizes) <= 1
    assert max(sizes) <= max(size, 3)


def test_batches_of_one_are_possible(source: PairSource) -> None:
    fit(Line(), source, Split((0, 1, 2), (22,)), config(epochs=1, batch_size=1))
    assert [len(batch) for batch in source.batches] == [1, 1, 1]


def test_the_patience_stops_a_run_that_gets_no_better(source: PairSource) -> None:
    fitted = fit(Line([5, 4, 3, 6, 7, 8, 9]), source, SPLIT, config(epochs=50, patience=3))
    assert len(fitted.journal.records) == 6
    assert fitted.best.epoch == 3


def test_the_weights_of_the_best_epoch_are_returned(source: PairSource) -> None:
    best = Line([5, 1, 3, 6])
    fit(best, source, SPLIT, config(epochs=4))
    after_two = Line([5, 1])
    fit(after_two, PairSource(), SPLIT, config(epochs=2))
    assert torch.equal(weights(best), weights(after_two))
    assert not best.training


def test_a_number_that_should_grow_chooses_the_largest(source: PairSource) -> None:
    objective = Line([1, 9, 2])
    objective.larger_is_better = True
    assert fit(objective, source, SPLIT, config(epochs=3)).best.epoch == 2


def test_of_two_equal_epochs_the_first_is_kept(source: PairSource) -> None:
    assert fit(Line([5, 2, 2]), source, SPLIT, config(epochs=3)).best.epoch == 2


def test_a_loss_that_is_not_finite_stops_the_run_and_names_the_scans() -> None:
    source = PairSource(spoilt=7)
    with pytest.raises(NonFiniteLossError, match=r"inf in epoch 1, step \d.*\bscan-7\b"):
        fit(Line(), source, SPLIT, config())
    assert 7 in source.batches[-1]


@pytest.mark.parametrize("hole", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("item", [SPLIT.training[3], SPLIT.validation[2]])
def test_a_scan_with_a_hole_is_named_alone(source: PairSource, item: int, hole: float) -> None:
    source.holed = {item: hole}
    with pytest.raises(TrainingError, match=rf"NaN or infinity stands in what was read of scan-{item}\. Delete"):
        fit(Line(), source, SPLIT, config())


def test_values_are_looked_at_once(source: PairSource, monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[int] = []
    monkeypatch.setattr(
        sys.modules[Split.__module__], "places_not_finite", lambda batch: looked.extend([1] * len(batch.given)) or []
    )
    fit(Line(), source, SPLIT, config(epochs=3))
    assert len(looked) <= len(SPLIT.training) + len(SPLIT.validation) + 5


def test_the_holes_of_slice_vectors_and_labels_are_found_by_place() -> None:
    vectors = {plane: torch.ones(3, 4 + plane.axis, 2) for plane in Plane}
    assert places_not_finite(EncodedSlices(vectors)) == []
    vectors[Plane.CORONAL][1, 2, 0] = math.nan
    vectors[Plane.AXIAL][2, 3, 1] = math.inf
    assert places_not_finite(EncodedSlices(vectors)) == [1, 2]
    labels = torch.tensor([1.0, math.nan, 3.0])
    assert places_not_finite(LabelledBatch(torch.zeros(3, 1, 2, 3, 4), labels)) == [1]
    assert places_not_finite(LabelledBatch(torch.full((3, 1, 2, 3, 4), 3e38), torch.tensor([1, 2, 3]))) == []


def test_a_validation_loss_that_is_not_finite_stops_the_run(source: PairSource) -> None:
    with pytest.raises(NonFiniteLossError, match=r"validation.*epoch 2"):
        fit(Line([1.0, math.nan, 0.5]), source, SPLIT, config())


@pytest.mark.parametrize("seed", [0, 12345])
def test_nothing_depends_on_global_randomness(source: PairSource, seed: int) -> None:
    objective, reference = Line(), Line()
    with torch.random.fork_rng():
        torch.manual_seed(99)
        fit(reference, PairSource(), SPLIT, config())
        torch.manual_seed(seed)
        fit(objective, source, SPLIT, config())
    assert torch.equal(weights(objective), weights(reference))


def test_the_callers_randomness_is_left_alone(source: PairSource) -> None:
    with torch.random.fork_rng():
        torch.manual_seed(5)
        untouched = torch.rand(1)
        torch.manual_seed(5)
        fit(Line(), source, SPLIT, config(epochs=1))
        assert torch.equal(torch.rand(1), untouched)


def test_another_seed_gives_another_result(source: PairSource) -> None:
    one, other = Line(), Line()
    fit(one, source, SPLIT, config(seed=1))
    fit(other, PairSource(), SPLIT, config(seed=2))
    assert not torch.equal(weights(one), weights(other))


def test_every_epoch_is_told(source: PairSource) -> None:
    told: list[EpochRecord] = []
    fitted = fit(Line(), source, SPLIT, config(epochs=3), on_epoch=told.append)
    assert told == fitted.journal.records
    assert [record.epoch for record in told] == [1, 2, 3]


def test_the_journal_is_a_table_with_a_row_per_epoch(source: PairSource, tmp_path: Path) -> None:
    fit(Line(), source, SPLIT, config(epochs=3), folder=tmp_path)
    header, *rows = (tmp_path / "journal.tsv").read_text().splitlines()
    assert header.split("\t") == ["epoch", "training_loss", "validation_loss", "learning_rate", "seconds"]
    assert [row.split("\t")[0] for row in rows] == ["1", "2", "3"]


def test_clipping_limits_the_gradient_of_a_step(source: PairSource) -> None:
    seen: list[float] = []

    class Watched(Line):
        def forward(self, batch: Any, generator: torch.Generator) -> torch.Tensor:
            loss = super().forward(batch, generator)
            self.line.weight.register_hook(lambda gradient: seen.append(float(gradient.norm())))
            return loss * 1000

    free, clipped = Watched(), Watched()
    fit(free, source, SPLIT, config(epochs=1, learning_rate=1e-3))
    fit(clipped, PairSource(), SPLIT, config(epochs=1, learning_rate=1e-3, gradient_norm=1e-9))
    assert min(seen) > 1
    # Adam divides by the gradient's size, so clipping shows where its epsilon (1e-8) counts.
    moved = [(weights(one) - weights(Line())).norm() for one in (free, clipped)]
    assert moved[1] < moved[0]


def test_an_objective_settles_before_the_first_step_and_before_every_validation(source: PairSource) -> None:
    """In evaluation mode, on training scans that are varied, without gradients."""
    told: list[str] = []

    class Told(Line):
        def settle(self, batches: Iterable[Pairs]) -> None:
            assert not self.training
            assert not torch.is_grad_enabled()
            assert sum(len(batch.given) for batch in batches) == len(SPLIT.training)
            told.append("settled")

        def forward(self, batch: Pairs, generator: torch.Generator) -> Tensor:
            told.append("step")
            return super().forward(batch, generator)

        def validate(self, batches: Iterable[Pairs], generator: torch.Generator) -> Mapping[str, float]:
            told.append("validated")
            return super().validate(batches, generator)

    fit(Told(), source, SPLIT, config(epochs=2))
    steps = ["step"] * (told.count("step") // 2)
    assert told == ["settled", *steps, "settled", "validated", *steps, "settled", "validated"]


def finished(folder: Path, **settings: Any) -> Fitted:
    return fit(Line(), PairSource(), SPLIT, config(**settings), folder=folder, identity="mine")


def test_a_finished_run_is_not_trained_again(tmp_path: Path) -> None:
    finished(tmp_path)
    source, objective = PairSource(), Line()
    fitted = fit(objective, source, SPLIT, config(), folder=tmp_path, identity="mine")
    assert source.loaded == 0
    assert len(fitted.journal.records) == 6
    assert not torch.equal(weights(objective), weights(Line()))


def test_a_checkpoint_of_other_settings_is_refused(tmp_path: Path) -> None:
    finished(tmp_path)
    with pytest.raises(TrainingError, match=r"checkpoint\.safetensors.*other settings"):
        fit(Line(), PairSource(), SPLIT, config(), folder=tmp_path, identity="another's")


@pytest.mark.parametrize("damage", [b"", b"no checkpoint", b"\x10" * 80])
def test_a_damaged_checkpoint_is_refused_by_name(tmp_path: Path, damage: bytes) -> None:
    (tmp_path / "checkpoint.safetensors").write_bytes(damage)
    with pytest.raises(TrainingError, match=r"checkpoint\.safetensors.*delete it to begin again"):
        finished(tmp_path)


def test_a_file_that_is_no_checkpoint_is_refused_by_name(tmp_path: Path) -> None:
    from safetensors.torch import save_file

    save_file({"weight": torch.zeros(3)}, tmp_path / "checkpoint.safetensors")
    with pytest.raises(TrainingError, match=r"checkpoint\.safetensors"):
        finished(tmp_path)


def test_a_checkpoint_is_read_without_pickle_and_holds_no_more_than_is_needed(tmp_path: Path) -> None:
    from safetensors import safe_open

    def stop(record: EpochRecord) -> None:
        raise KeyboardInterrupt

    def names() -> set[str]:
        with safe_open(tmp_path / "checkpoint.safetensors", framework="np") as file:
            assert file.metadata()["identity"] == "mine"
            return set(file.keys())

    with pytest.raises(KeyboardInterrupt):
        fit(Line(), PairSource(), SPLIT, config(), folder=tmp_path, identity="mine", on_epoch=stop)
    assert {"network/line.weight", "best/line.weight", "optimizer/0/exp_avg"} <= names()
    finished(tmp_path)
    assert names() == {"best/line.weight", "best/line.bias"}


@pytest.mark.parametrize("device", ["cuda", "abacus"])
def test_a_device_that_is_not_there_is_refused(device: str) -> None:
    if device == "cuda" and torch.cuda.is_available():
        pytest.skip("there is a GPU here")
    with pytest.raises(ConfigError, match=device):
        choose_device(device)


def test_nothing_is_written_without_a_folder(source: PairSource, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    fit(Line(), source, SPLIT, config(epochs=1))
    assert list(tmp_path.iterdir()) == []


def test_a_run_that_goes_on_with_other_software_says_so_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(OSError, match="disk"):
        fit(Line(), PairSource(breaks_at=25), SPLIT, config(), folder=tmp_path, identity="mine")
    with monkeypatch.context() as later:
        later.setattr(checkpoint, "software", lambda: "medical-transformer 9.9, torch 99.1")
        Loop(Line(), PairSource(), SPLIT, config(), folder=tmp_path, identity="mine")
        said = capsys.readouterr().err
        assert said.count("was written by medical-transformer") == 1
        assert f"torch {torch.__version__}" in said
        assert "torch 99.1" in said
    Loop(Line(), PairSource(), SPLIT, config(), folder=tmp_path, identity="mine")
    assert capsys.readouterr().err == ""
