"""From the folders of finished units to the value that the tables are made of."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from medical_transformer.cohorts.indexed import counted
from medical_transformer.evaluation import EvaluationResult, Trial
from medical_transformer.experiments.comparison.config import ComparisonConfig, NetworkMethod
from medical_transformer.experiments.comparison.facts import start_of, told
from medical_transformer.experiments.comparison.opening import OpenTask
from medical_transformer.experiments.comparison.running import finished
from medical_transformer.experiments.comparison.setup import Setup, set_up
from medical_transformer.experiments.comparison.starts import encoder_of
from medical_transformer.experiments.comparison.units import Unit
from medical_transformer.experiments.fold_results import join_folds
from medical_transformer.experiments.pretext_tasks import METHODS
from medical_transformer.experiments.protocol import software


def collect(
    config: ComparisonConfig, tasks: Mapping[str, OpenTask], units: Iterable[Unit], out: Path
) -> tuple[Trial, ...]:
    """Return a trial per task, method, share and seed, of the folds that are done."""
    folds: dict[tuple[str, str, float, int], list[EvaluationResult]] = {}
    for unit in units:
        encoder = encoder_of(config, tasks[unit.task], unit, out)
        if encoder is not None and not (encoder / "config.json").is_file():
            continue
        setup = set_up(config, tasks[unit.task], unit, out)
        result = finished(setup)
        if result is not None:
            key = (unit.method, unit.task, unit.fraction, unit.seed)
            folds.setdefault(key, []).append(_seen_from(result, setup, out))
    return tuple(
        Trial(method=method, task=task, fraction=fraction, seed=seed, result=join_folds(results, _chosen(results)))
        for (method, task, fraction, seed), results in folds.items()
    )


def _chosen(results: Sequence[EvaluationResult]) -> dict[str, str]:
    """Return what the validation part of each fold chose, one after the other."""
    return {"searched": "; ".join(one.about["searched"] for one in results if one.about.get("searched"))}


def _seen_from(result: EvaluationResult, setup: Setup, out: Path) -> EvaluationResult:
    """Return a unit's result with paths of predicted label maps as they are seen from the comparison's folder."""
    if result.task != "segmentation":
        return result
    place = setup.folder.relative_to(out)
    predictions = (replace(one, prediction=(place / str(one.prediction)).as_posix()) for one in result.predictions)
    return replace(result, predictions=tuple(predictions))


def protocol(config: ComparisonConfig, tasks: Mapping[str, OpenTask], audited: Sequence[str]) -> dict[str, str]:
    """Return what a reviewer asks for: who was tested how, what was chosen how, and what was searched."""
    together = f", subjects of one {config.together} together" if config.together else ""
    seeds = ", ".join(map(str, config.seeds))
    return {
        "split": (
            f"{config.folds} folds by subject{together} (seed {config.fold_seed}); fold i tests, fold i+1 chooses "
            "epochs and settings, the others train. The same folds for every method, seed and share of the labels; "
            "who is in which fold stands in folds-TASK.tsv. No subject is in two parts of a fold, by construction."
        ),
        "seeds": f"{seeds}; each decides initial weights, draws, and who is among a share of the labels",
        "start": " ".join(_starts(config)),
        "pre-training": " ".join(dict.fromkeys(_pretrainings(config))),
        "training": _training(config),
        "searched": _searched(config),
        "leak audit": " ".join(audited) or "no image under two names; no encoder had seen a tested subject",
        **{f"cohort of {name}": _cohort(task) for name, task in tasks.items()},
        **software(),
    }


def _starts(config: ComparisonConfig) -> Iterator[str]:
    for name, method in config.methods.items():
        if start := start_of(config, name):
            yield f"{method.title or name}: {start[:1].lower()}{start[1:]}"


def _pretrainings(config: ComparisonConfig) -> Iterator[str]:
    """Say what each pre-training taught, on whose scans and with which settings, and where it comes from."""
    for name, entry in config.pretraining.items():
        settings = entry.settings
        whose = "everybody" if entry.subjects == "all" else "those whom the fold does not test"
        how = "; ".join(f"{stage}: {told(training.model_dump())}" for stage, training in settings.stages.items())
        way = METHODS[settings.method.name]
        yield f"{name} teaches {settings.backbone.name} by {settings.method.name} on the scans of {whose} ({how})."
        yield f"{way.title}: {way.source}, {way.publication}; {way.licence}."


def _training(config: ComparisonConfig) -> str:
    """Say how networks are trained for a task, and which tasks and methods differ."""
    own = {f"task {name}": entry.training for name, entry in config.tasks.items()}
    own |= {f"method {name}": one.training for name, one in config.methods.items() if isinstance(one, NetworkMethod)}
    differing = [f"{what}: {told(settings)}" for what, settings in own.items() if settings]
    return "; ".join([f"every network: {told(config.training.model_dump())}", *differing])


def _searched(config: ComparisonConfig) -> str:
    """Say which settings the validation parts chose, and for which methods."""
    networks = [name for name, method in config.methods.items() if isinstance(method, NetworkMethod)]
    own = [name for name in networks if not config.rates_for(name)]
    penalty = "the penalty of linear models by the validation part of each fold"
    if len(own) == len(networks):
        return f"nothing for networks; {penalty}"
    rates = ", ".join(f"{rate:g}" for rate in config.search.learning_rate)
    whom = f"every network but {', '.join(own)}, which have their own" if own else "every network alike"
    return f"learning rate of {rates} for {whom}, by the validation part of each fold; {penalty}"


def _cohort(task: OpenTask) -> str:
    cohort, grid = task.labelled, "x".join(map(str, task.data.store.spatial_shape))
    return f"{cohort.name}: {counted(cohort, 'scan')} of {counted(cohort.subjects, 'subject')}, on a grid of {grid}"
