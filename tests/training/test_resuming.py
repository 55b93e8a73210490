"""A run that was killed and taken up again ends with the bits of an uninterrupted one."""

import multiprocessing
import random
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from medical_transformer.backbones import MedicalTransformer, MedicalTransformerConfig
from medical_transformer.cohorts import Cohort, Scan
from medical_transformer.contracts import Objective
from medical_transformer.experiments.data import Data, EncodedSource, LabelledSource, UnlabelledSource
from medical_transformer.preprocessing import PipelineConfig
from medical_transformer.pretraining import Exemplar, MaskedEncoding, UnlabelledBatch, encode_scans
from medical_transformer.tasks import Classification, TaskModel, TaskObjective
from medical_transformer.training import EpochRecord, Fitted, Journal, TrainingConfig, fit
from medical_transformer.training.fit import Split

SHAPE = (16, 20, 12)
SMALL = MedicalTransformerConfig(width=4, embedding=8, feed_forward=12, heads=2, head_size=5, dropout=0.2)
SEX = Classification(label="sex", classes=("female", "male"))
SPLIT = Split((0, 1, 2, 3), (4, 5))
CONFIG = TrainingConfig(epochs=3, batch_size=2, learning_rate=1e-3, device="cpu", augment=True, seed=4)
KINDS = ("task", "exemplar", "masked")
# After its two steps, an epoch loads a batch to validate; a task loads two before that, to standardise its vectors.
LOADS_AFTER_STEPS = {"task": 3, "exemplar": 1, "masked": 1}
LOADS_PER_EPOCH = {kind: 2 + loads for kind, loads in LOADS_AFTER_STEPS.items()}


class Voxels:
    """A store in memory."""

    def volumes(self, places: Sequence[int]) -> np.ndarray[Any, Any]:
        """Draw each scan by its place."""
        return np.stack([np.random.default_rng(place).random((1, *SHAPE), dtype=np.float32) for place in places])


def data() -> Data:
    scans = tuple(
        Scan(
            subject=f"sub-{place}",
            name=f"sub-{place}",
            images={"T1w": Path(f"{place}.nii")},
            labels={"sex": SEX.classes[place % 2]},
        )
        for place in range(6)
    )
    return Data(Cohort("drawn", Path(), scans), Voxels(), PipelineConfig())  # type: ignore[arg-type]


class Breaking:
    """Passes on what a source loads, until the machine goes down."""

    def __init__(self, source: Any, breaks_at: int | None) -> None:
        self.source, self.breaks_at, self.loads = source, breaks_at, 0

    def load(self, items: list[int], draws: torch.Generator | None) -> Any:
        """Load items, or fail."""
        self.loads += 1
        if self.loads == self.breaks_at:
            raise KeyboardInterrupt
        return self.source.load(items, draws)

    def names(self, items: Sequence[int]) -> list[str]:
        """Name items."""
        return [str(item) for item in items]


def new_run(kind: str) -> tuple[Objective[Any], Any]:
    """Build an objective with its initial weights, and its source, as a fresh process does."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        backbone = MedicalTransformer(SMALL)
        model = TaskModel(backbone, SEX)
    if kind == "task":
        return TaskObjective(model), LabelledSource(data(), SEX, augment=True)
    if kind == "exemplar":
        return Exemplar(backbone, inverting=0.5), UnlabelledSource(data())
    for encoder in backbone.encoders.values():
        torch.nn.init.constant_(encoder.embed.weight, 0.1)
    volumes = torch.from_numpy(Voxels().volumes(range(6)))
    encoded = encode_scans(backbone, [UnlabelledBatch(volumes, tuple("abcdef"))])
    return MaskedEncoding(backbone, encoded), EncodedSource(data(), encoded)


def run(kind: str, folder: Path, *, breaks_at: int | None = None, **settings: Any) -> tuple[Fitted, dict[str, Tensor]]:
    objective, source = new_run(kind)
    config = CONFIG.model_copy(update=settings)
    fitted = fit(objective, Breaking(source, breaks_at), SPLIT, config, folder=folder, identity="the same")
    return fitted, objective.state_dict()


def without_seconds(journal: Journal) -> list[EpochRecord]:
    return [replace(record, seconds=0.0) for record in journal.records]


def assert_same(one: tuple[Fitted, dict[str, Tensor]], other: tuple[Fitted, dict[str, Tensor]]) -> None:
    assert without_seconds(one[0].journal) == without_seconds(other[0].journal)
    assert one[1].keys() == other[1].keys()
    for name, value in one[1].items():
        assert torch.equal(value, other[1][name]), name


def rows(folder: Path) -> list[list[str]]:
    return [line.split("\t")[:-1] for line in (folder / "journal.tsv").read_text().splitlines()]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Fitted, dict[str, Tensor], Path]]:
    """Uninterrupted runs."""
    runs = {}
    for kind in KINDS:
        folder = tmp_path_factory.mktemp(kind)
        runs[kind] = (*run(kind, folder), folder)
    return runs


@pytest.mark.parametrize(
    ("epochs", "loads"),
    [(1, 0), (1, 1), (2, 2)],
    ids=["in the first validation", "between epochs", "in the last epoch"],
)
@pytest.mark.parametrize("kind", KINDS)
def test_a_killed_run_ends_like_an_uninterrupted_one(
    kind: str, epochs: int, loads: int, whole: dict[str, Any], tmp_path: Path
) -> None:
    with pytest.raises(KeyboardInterrupt):
        run(kind, tmp_path, breaks_at=epochs * LOADS_PER_EPOCH[kind] + loads)
    resumed = run(kind, tmp_path)
    assert_same(resumed, whole[kind][:2])
    assert rows(tmp_path) == rows(whole[kind][2])


@pytest.mark.parametrize("kind", KINDS)
def test_a_run_that_is_killed_again_and_again_ends_like_an_uninterrupted_one(
    kind: str, whole: dict[str, Any], tmp_path: Path
) -> None:
    """Every process does a step or a validation and goes down; each next one takes up the epoch where it stopped."""
    killed = 0
    while True:
        try:
            resumed = run(kind, tmp_path, breaks_at=1 + LOADS_AFTER_STEPS[kind], checkpoint_minutes=0)
        except KeyboardInterrupt:
            killed += 1
            assert killed < CONFIG.epochs * LOADS_PER_EPOCH[kind]
        else:
            break
    assert_same(resumed, whole[kind][:2])


@pytest.mark.parametrize("seed", [0, 1])
def test_a_process_that_is_killed_without_warning_ends_like_an_uninterrupted_one(
    seed: int, whole: dict[str, Any], tmp_path: Path
) -> None:
    draws = random.Random(seed)
    processes = multiprocessing.get_context("fork")
    for _ in range(4):
        process = processes.Process(target=run, args=("exemplar", tmp_path), kwargs={"checkpoint_minutes": 0})
        process.start()
        process.join(draws.uniform(0.02, 0.3))
        process.kill()
        process.join()
    assert_same(run("exemplar", tmp_path, checkpoint_minutes=0), whole["exemplar"][:2])
    assert [path.name for path in tmp_path.glob("*.safetensors")] == ["checkpoint.safetensors"]


def test_a_run_that_is_killed_after_every_epoch_ends_like_an_uninterrupted_one(
    whole: dict[str, Any], tmp_path: Path
) -> None:
    def stop(record: EpochRecord) -> None:
        raise KeyboardInterrupt

    for _ in range(CONFIG.epochs):
        objective, source = new_run("task")
        with pytest.raises(KeyboardInterrupt):
            fit(objective, source, SPLIT, CONFIG, folder=tmp_path, identity="the same", on_epoch=stop)
    assert_same(run("task", tmp_path), whole["task"][:2])


def test_a_run_that_is_killed_between_checkpoint_and_journal_has_a_whole_journal_in_the_end(
    whole: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def kill(self: Journal, path: Path) -> None:
        raise KeyboardInterrupt

    for _ in range(CONFIG.epochs):
        with monkeypatch.context() as patch:
            patch.setattr(Journal, "save", kill)
            with pytest.raises(KeyboardInterrupt):
                run("task", tmp_path)
    assert_same(run("task", tmp_path), whole["task"][:2])
    assert rows(tmp_path) == rows(whole["task"][2])


def test_a_write_that_fails_leaves_the_last_checkpoint(
    whole: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from medical_transformer.backbones import weights

    written = weights.save_file

    def fill_the_disk(tensors: dict[str, Tensor], aside: Path, metadata: dict[str, str] | None = None) -> None:
        if '"epoch": 2' in (metadata or {}).get("journal", ""):
            aside.write_bytes(b"half a f")
            raise OSError("No space left on device")
        written(tensors, aside, metadata=metadata)

    with monkeypatch.context() as patch:
        patch.setattr(weights, "save_file", fill_the_disk)
        with pytest.raises(OSError, match="No space left"):
            run("task", tmp_path)
    assert_same(run("task", tmp_path), whole["task"][:2])


@pytest.mark.parametrize("kind", KINDS)
def test_a_run_does_not_depend_on_global_randomness(kind: str, whole: dict[str, Any], tmp_path: Path) -> None:
    with torch.random.fork_rng():
        torch.manual_seed(987)
        np.random.seed(987)  # noqa: NPY002 - the global state is what is tested
        assert_same(run(kind, tmp_path), whole[kind][:2])


@pytest.mark.parametrize("kind", KINDS)
def test_training_changes_what_it_should(kind: str, whole: dict[str, Any]) -> None:
    before, after = new_run(kind)[0], whole[kind][1]
    changed = {name for name, _ in before.named_parameters() if not torch.equal(before.state_dict()[name], after[name])}
    # The bias of the keys has no influence on attention, and that of an embedding none on a distance.
    idle = {name for name, _ in before.named_parameters()} - changed
    assert all(name.endswith(("key.bias", "embed.bias")) for name in idle), idle
    assert changed
