"""`medtrans demo`: the main job on drawn brains, from raw scans to reports, in minutes and without a network."""

from __future__ import annotations

import shutil
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from medical_transformer.cli.options import say, writable

if TYPE_CHECKING:
    from collections.abc import Callable

    from medical_transformer.evaluation import EvaluationResult
    from medical_transformer.experiments import FinetuneConfig
    from medical_transformer.preprocessing import PipelineConfig

# Large enough to show every part, small enough for two processors and five minutes; no score is promised.
SUBJECTS = {"ixi": 6, "adni": 9, "brats": 5}
POOL, SEED = 2, 7


def demo(
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for everything.", callback=writable)] = Path("demo"),
) -> None:
    """Draw cohorts, then index, prepare, pre-train, fine-tune, evaluate and predict; ends with the report."""
    prepared = {layout: _prepare(layout, out) for layout in _draw(out)}
    encoder = _pretrain(prepared["ixi"], out)
    configs = {
        "diagnosis": (prepared["adni"], _config(prepared["adni"], "diagnosis", encoder)),
        "age": (prepared["adni"], _config(prepared["adni"], "age_years", encoder)),
        "tumour": (prepared["brats"], _config(prepared["brats"], "segmentation", encoder)),
    }
    results = {task: _evaluate(folder, config, out / "evaluated" / task) for task, (folder, config) in configs.items()}
    models = {task: _finetune(folder, config, out / "models" / task) for task, (folder, config) in configs.items()}
    _predict(models, out)
    page = _overview(results, out)
    say(f"\nDone. Report → {page.resolve()}")


def _draw(out: Path) -> list[str]:
    from medical_transformer.cohorts import phantoms

    writers: dict[str, tuple[Callable[..., None], dict[str, Any]]] = {
        "ixi": (phantoms.write_ixi, {}),
        "adni": (phantoms.write_adni, {}),
        "brats": (phantoms.write_brats, {"spacing_mm": 2.0}),
    }
    say("Drawing brains in the layouts of IXI, ADNI and BraTS.")
    with ProcessPoolExecutor(2) as pool:
        drawn = [
            pool.submit(_draw_aside, write, out / "raw" / layout, SUBJECTS[layout], options)
            for layout, (write, options) in writers.items()
            if not (out / "raw" / layout).exists()
        ]
        for done in drawn:
            done.result()
    return list(writers)


def _draw_aside(write: Callable[..., None], folder: Path, count: int, options: dict[str, Any]) -> None:
    """Draw a data set beside its place and move it there when it is complete."""
    aside = folder.with_name(f".{folder.name}")
    shutil.rmtree(aside, ignore_errors=True)
    write(aside, count, SEED, **options)
    aside.rename(folder)


def _prepare(layout: str, out: Path) -> Path:
    from medical_transformer.cohorts import index
    from medical_transformer.preprocessing import prepare

    indexed = index(out / "raw" / layout, out / "cohorts" / layout)
    for note in indexed.notes:
        say(f"· {note}")
    prepare(indexed.cohort, out / "prepared" / layout, _pipeline(layout))
    return out / "prepared" / layout


def _pipeline(layout: str) -> PipelineConfig:
    from medical_transformer.preprocessing import BRATS, DEFAULT, PipelineConfig

    # The drawn tumours lie on a 2 mm grid, half as fine as BraTS; so is the box.
    return PipelineConfig.of({**BRATS.model_dump(), "crop_shape": (80, 96, 76)}) if layout == "brats" else DEFAULT


def _pretrain(prepared: Path, out: Path) -> Path:
    from medical_transformer.experiments import InputConfig, PretrainConfig, pretrain
    from medical_transformer.training import TrainingConfig

    config = PretrainConfig(
        input=InputConfig(pool=POOL),
        exemplar=TrainingConfig(epochs=5, batch_size=4, learning_rate=1e-3, seed=SEED),
        masked=TrainingConfig(epochs=60, batch_size=4, learning_rate=1e-3, seed=SEED),
    )
    return pretrain(prepared, out / "pretrained", config).folder


def _config(prepared: Path, label: str, encoder: Path) -> FinetuneConfig:
    from medical_transformer.experiments import FinetuneConfig, InputConfig, choose_task
    from medical_transformer.preprocessing import load_prepared
    from medical_transformer.training import TrainingConfig

    tumour = label == "segmentation"
    inputs = InputConfig(pool=1, modalities=("T1w", "T1ce", "T2w", "FLAIR")) if tumour else InputConfig(pool=POOL)
    return FinetuneConfig(
        task=choose_task(load_prepared(prepared), label),
        input=inputs,
        training=TrainingConfig(epochs=4, batch_size=1 if tumour else 4, learning_rate=2e-3, seed=SEED),
        encoder=str(encoder),
    )


def _evaluate(prepared: Path, config: FinetuneConfig, out: Path) -> EvaluationResult:
    from rich.console import Console

    from medical_transformer.experiments import EvaluateConfig, evaluate
    from medical_transformer.reporting import result_table

    result = evaluate(prepared, out, EvaluateConfig(finetune=config, folds=3))
    Console(stderr=True).print(result_table(result))
    return result


def _finetune(prepared: Path, config: FinetuneConfig, out: Path) -> Path:
    from medical_transformer.experiments import finetune

    return finetune(prepared, out, config).folder


def _predict(models: dict[str, Path], out: Path) -> None:
    """Answer on raw scans that lie on disk as they were drawn."""
    from medical_transformer.serving import predict

    head = sorted((out / "raw" / "ixi").rglob("*.nii.gz"))[0]
    case = sorted((out / "raw" / "brats").rglob("BraTS20_Training_001"))[0]
    predict([head], models["age"], out / "predicted" / "age")
    predict([case], models["tumour"], out / "predicted" / "tumour")


def _overview(results: dict[str, EvaluationResult], out: Path) -> Path:
    from medical_transformer.reporting import write_overview

    reports = {task: Path("evaluated") / task / "report.html" for task in results}
    write_overview(out / "report.html", "Medical Transformer on drawn brains", results, reports)
    return out / "report.html"
