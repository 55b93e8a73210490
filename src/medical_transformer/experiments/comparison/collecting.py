"""From the folders of finished units to the value that the tables are made of."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from medical_transformer.cohorts.indexed import counted
from medical_transformer.evaluation import EvaluationResult, MethodFacts, Trial
from medical_transformer.experiments.comparison.config import ComparisonConfig
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
        Trial(method=method, task=task, fraction=fraction, seed=seed, result=join_folds(results, {}))
        for (method, task, fraction, seed), results in folds.items()
    )


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
        parameters = {one.task: one.result.parameters for one in trials if one.method == name and one.result.parameters}
        facts.append(
            MethodFacts(
                name=name, title=method.title or name, group=method.group, parameters=parameters, notes=method.notes
            )
        )
    return tuple(facts)


def protocol(config: ComparisonConfig, tasks: Mapping[str, OpenTask], audited: Sequence[str]) -> dict[str, str]:
    """Return what a reviewer asks for: who was tested how, what was chosen how, and what was searched."""
    together = f", subjects of one {config.together} together" if config.together else ""
    rates = config.search.learning_rate
    searched = (
        f"learning rate of {', '.join(f'{rate:g}' for rate in rates)} for every network alike, "
        "by the validation part of each fold"
        if rates
        else "nothing for networks; the penalty of linear models by the validation part of each fold"
    )
    seeds = ", ".join(map(str, config.seeds))
    return {
        "split": (
            f"{config.folds} folds by subject{together} (seed {config.fold_seed}); fold i tests, fold i+1 chooses "
            "epochs and settings, the others train. The same folds for every method, seed and share of the labels; "
            "who is in which fold stands in folds-TASK.tsv. No subject is in two parts of a fold, by construction."
        ),
        "seeds": f"{seeds}; each decides initial weights, draws, and who is among a share of the labels",
        "searched": searched,
        "leak audit": " ".join(audited) or "no image under two names; no encoder had seen a tested subject",
        **{f"cohort of {name}": _cohort(task) for name, task in tasks.items()},
        **software(),
    }


def _cohort(task: OpenTask) -> str:
    cohort, grid = task.labelled, "x".join(map(str, task.data.store.spatial_shape))
    return f"{cohort.name}: {counted(cohort, 'scan')} of {counted(cohort.subjects, 'subject')}, on a grid of {grid}"
