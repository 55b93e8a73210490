"""From the folders of finished units to the value that the tables are made of."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from medical_transformer.backbones.origins import called
from medical_transformer.cohorts.indexed import counted
from medical_transformer.evaluation import EvaluationResult, MethodFacts, Trial
from medical_transformer.experiments.comparison.config import (
    ClassicalMethod,
    ComparisonConfig,
    NetworkMethod,
    ProbeMethod,
)
from medical_transformer.experiments.comparison.opening import OpenTask
from medical_transformer.experiments.comparison.running import finished
from medical_transformer.experiments.comparison.setup import Setup, set_up
from medical_transformer.experiments.comparison.starts import encoder_of
from medical_transformer.experiments.comparison.units import Unit
from medical_transformer.experiments.fold_results import join_folds
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


def facts_about_methods(config: ComparisonConfig, trials: Sequence[Trial]) -> tuple[MethodFacts, ...]:
    """Return what tables say of each method beside its scores."""
    facts = []
    for name, method in config.methods.items():
        own = [trial for trial in trials if trial.method == name]
        facts.append(
            MethodFacts(
                name=name,
                title=method.title or name,
                group=method.group,
                parameters={one.task: one.result.parameters for one in own if one.result.parameters},
                notes=(*method.notes, *_particulars(config, name), *_choices(own)),
            )
        )
    return tuple(facts)


def _particulars(config: ComparisonConfig, name: str) -> Iterator[str]:
    """Say from what a method starts, and in what it differs from the others of the experiment."""
    method = config.methods[name]
    if isinstance(method, ClassicalMethod):
        return
    if method.encoder is not None:
        yield f"Starts from the encoder {method.encoder.name}."
    if method.pretraining is not None:
        yield f"Starts from the pre-training {method.pretraining}."
    if isinstance(method, ProbeMethod):
        return
    backbone = method.backbone
    if backbone.weights is not None:
        yield f"Starts from {called(backbone.weights)}."
    elif method.encoder is None and method.pretraining is None:
        yield "Starts from random weights."
    settings = ", ".join(f"{name} {value}" for name, value in backbone.settings.items())
    yield f"Backbone {backbone.name}{f' with {settings}' if settings else ''}."
    if method.training:
        differing = ", ".join(f"{name} {value}" for name, value in method.training.items())
        yield f"Trained otherwise than the other methods: {differing}."
    if config.search.learning_rate and not config.rates_for(name):
        yield "Its learning rate is its own and was not searched."


def _choices(trials: Sequence[Trial]) -> Iterator[str]:
    """Say what the validation parts chose, and how often."""
    chosen = Counter(one for trial in trials for one in trial.result.about.get("searched", "").split("; ") if one)
    if chosen:
        often = ", ".join(f"{one} ({counted([one] * times, 'time')})" for one, times in chosen.most_common())
        yield f"Chosen on the validation parts: {often}."


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
        "searched": _searched(config),
        "leak audit": " ".join(audited) or "no image under two names; no encoder had seen a tested subject",
        **{f"cohort of {name}": _cohort(task) for name, task in tasks.items()},
        **software(),
    }


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
